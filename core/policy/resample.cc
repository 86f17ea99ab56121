#include "core/policy/resample.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace midstream::policy {
namespace {

// Weights are fixed-point numbers with so many binary digits after the point.
constexpr int kPrecision = 22;

// The pixels along one axis that make one output pixel.
struct Window {
  int64_t begin = 0;
  std::vector<int32_t> weights;
};

// A triangle over the pixels around the centre of each output pixel, as wide as two output pixels
// (two input pixels where the image grows), scaled to sum 1 and rounded.
std::vector<Window> MakeWindows(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(scale, 1.0);
  const double inverse = 1.0 / support;
  std::vector<Window> windows(static_cast<size_t>(to));
  std::vector<double> weights;
  for (int64_t i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const int64_t begin = std::max<int64_t>(0, static_cast<int64_t>(center - support + 0.5));
    const int64_t end = std::min(from, static_cast<int64_t>(center + support + 0.5));
    weights.clear();
    double sum = 0;
    for (int64_t x = begin; x < end; ++x) {
      const double distance = std::abs((static_cast<double>(x) - center + 0.5) * inverse);
      weights.push_back(distance < 1.0 ? 1.0 - distance : 0.0);
      sum += weights.back();
    }
    Window& window = windows[static_cast<size_t>(i)];
    window.begin = begin;
    for (const double weight : weights) {
      const double share = sum != 0.0 ? weight / sum : weight;
      window.weights.push_back(static_cast<int32_t>(0.5 + share * (1 << kPrecision)));
    }
  }
  return windows;
}

uint8_t ToByte(int64_t sum) {
  return static_cast<uint8_t>(std::clamp<int64_t>(sum >> kPrecision, 0, 255));
}

// One axis of `outer` blocks of [axis, inner] bytes.
void ResampleAxis(const uint8_t* from, uint8_t* to, int64_t outer, int64_t from_size, int64_t inner,
                  const std::vector<Window>& windows) {
  for (int64_t block = 0; block < outer; ++block, from += from_size * inner) {
    for (const Window& window : windows) {
      const uint8_t* first = from + window.begin * inner;
      for (int64_t i = 0; i < inner; ++i) {
        int64_t sum = 1 << (kPrecision - 1);
        for (size_t k = 0; k < window.weights.size(); ++k) {
          sum += int64_t{first[static_cast<int64_t>(k) * inner + i]} * window.weights[k];
        }
        *to++ = ToByte(sum);
      }
    }
  }
}

}  // namespace

// First along the rows, then along the columns; between them the image is of bytes again.
Result<Tensor> Resample(const Tensor& image, int64_t height, int64_t width) {
  const int64_t channels = image.shape()[2];
  Tensor current = image;
  if (const int64_t rows = image.shape()[0], from = image.shape()[1]; from != width) {
    MS_ASSIGN_OR_RETURN(Tensor wide, Tensor::Allocate(DType::kU8, {rows, width, channels}));
    ResampleAxis(current.as<uint8_t>().data(), wide.mutable_as<uint8_t>().data(), rows, from,
                 channels, MakeWindows(from, width));
    current = std::move(wide);
  }
  if (const int64_t from = image.shape()[0]; from != height) {
    MS_ASSIGN_OR_RETURN(Tensor high, Tensor::Allocate(DType::kU8, {height, width, channels}));
    ResampleAxis(current.as<uint8_t>().data(), high.mutable_as<uint8_t>().data(), 1, from,
                 width * channels, MakeWindows(from, height));
    current = std::move(high);
  }
  return current;
}

}  // namespace midstream::policy
