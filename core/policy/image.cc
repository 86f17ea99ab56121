#include "core/policy/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/policy/resample.h"

namespace midstream::policy {
namespace {

Status WrongShape(const Tensor& image, Channels channels) {
  const char* expected = channels == Channels::kFirst  ? "[3, height, width]"
                         : channels == Channels::kLast ? "[height, width, 3]"
                                                       : "[height, width, 3] or [3, height, width]";
  return InvalidArgument(fmt::format("an image of shape {}, expected {} with sides from 1 to {}",
                                     image.shape().ToString(), expected, kLargestSide));
}

// Cuts off what is no whole byte; false: no value of a byte.
bool ToByte(uint8_t from, uint8_t* to) {
  *to = from;
  return true;
}
template <typename T>
bool ToByte(T from, uint8_t* to) {
  const T scaled = 255 * from;
  if (!(scaled > -1 && scaled < 256)) return false;
  *to = static_cast<uint8_t>(scaled);
  return true;
}

template <typename T>
Status Convert(const Tensor& image, bool first, Tensor* to) {
  const auto pixels = static_cast<size_t>(to->shape()[0] * to->shape()[1]);
  const T* from = image.as<T>().data();
  uint8_t* bytes = to->mutable_as<uint8_t>().data();
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t channel = 0; channel < 3; ++channel) {
      const T value = first ? from[channel * pixels + i] : from[i * 3 + channel];
      if (ToByte(value, &bytes[i * 3 + channel])) continue;
      return InvalidArgument(
          fmt::format("an image of {} that holds {}: expected values from 0 to 1",
                      DTypeName(image.dtype()), value));
    }
  }
  return OkStatus();
}

}  // namespace

Result<Tensor> ToBytes(const Tensor& image, Channels channels) {
  const Shape& shape = image.shape();
  const bool first = channels == Channels::kFirst ||
                     (channels == Channels::kFirstOfThree && shape.rank() == 3 && shape[0] == 3);
  if (shape.rank() != 3 || shape[first ? 0 : 2] != 3) return WrongShape(image, channels);
  const int64_t height = shape[first ? 1 : 0];
  const int64_t width = shape[first ? 2 : 1];
  for (const int64_t side : {height, width}) {
    if (side < 1 || side > kLargestSide) return WrongShape(image, channels);
  }
  if (image.dtype() == DType::kU8 && !first) return image;
  MS_ASSIGN_OR_RETURN(Tensor bytes, Tensor::Allocate(DType::kU8, {height, width, 3}));
  switch (image.dtype()) {
    case DType::kU8:
      MS_RETURN_IF_ERROR(Convert<uint8_t>(image, first, &bytes));
      break;
    case DType::kF32:
      MS_RETURN_IF_ERROR(Convert<float>(image, first, &bytes));
      break;
    case DType::kF64:
      MS_RETURN_IF_ERROR(Convert<double>(image, first, &bytes));
      break;
    default:
      return InvalidArgument(fmt::format("an image of {}, expected uint8, float32 or float64",
                                         DTypeName(image.dtype())));
  }
  return bytes;
}

Result<Tensor> BlackImage(int64_t height, int64_t width) {
  MS_ASSIGN_OR_RETURN(Tensor image, Tensor::Allocate(DType::kU8, {height, width, 3}));
  std::memset(image.mutable_data(), 0, image.byte_size());
  return image;
}

Result<Tensor> ResizeWithPad(const Tensor& image, int64_t height, int64_t width) {
  const int64_t from_height = image.shape()[0];
  const int64_t from_width = image.shape()[1];
  if (from_height == height && from_width == width) return image;
  // As Python computes them, in double and cut off.
  const double ratio = std::max(static_cast<double>(from_width) / static_cast<double>(width),
                                static_cast<double>(from_height) / static_cast<double>(height));
  const auto new_height = static_cast<int64_t>(static_cast<double>(from_height) / ratio);
  const auto new_width = static_cast<int64_t>(static_cast<double>(from_width) / ratio);
  if (new_height < 1 || new_width < 1) {
    return InvalidArgument(
        fmt::format("an image of {} x {} pixels has no {} left when its longer side is made to fit "
                    "{} x {}",
                    from_height, from_width, new_height < 1 ? "height" : "width", height, width));
  }
  MS_ASSIGN_OR_RETURN(const Tensor resized, Resample(image, new_height, new_width));
  MS_ASSIGN_OR_RETURN(Tensor padded, BlackImage(height, width));
  const int64_t top = std::max<int64_t>(0, (height - new_height) / 2);
  const int64_t left = std::max<int64_t>(0, (width - new_width) / 2);
  const int64_t rows = std::min(new_height, height - top);
  const auto row = static_cast<size_t>(std::min(new_width, width - left) * 3);
  for (int64_t y = 0; y < rows; ++y) {
    std::memcpy(padded.mutable_as<uint8_t>().data() + ((top + y) * width + left) * 3,
                resized.as<uint8_t>().data() + y * new_width * 3, row);
  }
  return padded;
}

}  // namespace midstream::policy
