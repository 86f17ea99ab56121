#include "core/formats/npy/npy_codec.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace midstream::formats {
namespace {

// `from` holds the elements with the first axis running fastest.
template <size_t kSize>
void CopyFromFortran(const Shape& shape, const std::byte* from, std::byte* to, size_t count) {
  std::vector<size_t> strides;  // of the source, in elements
  size_t stride = 1;
  for (int64_t dim : shape.dims()) {
    strides.push_back(stride);
    stride *= static_cast<size_t>(dim);
  }
  std::vector<int64_t> at(strides.size(), 0);
  size_t source = 0;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(to + i * kSize, from + source * kSize, kSize);
    for (size_t axis = shape.rank(); axis-- > 0;) {
      source += strides[axis];
      if (++at[axis] < shape[axis]) break;
      source -= strides[axis] * static_cast<size_t>(shape[axis]);
      at[axis] = 0;
    }
  }
}

Result<Tensor> FromFortran(const Tensor& source) {
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(source.dtype(), source.shape()));
  const auto* from = static_cast<const std::byte*>(source.data());
  auto* to = static_cast<std::byte*>(tensor.mutable_data());
  auto count = static_cast<size_t>(source.count());
  switch (DTypeSize(source.dtype())) {
    case 1:
      CopyFromFortran<1>(source.shape(), from, to, count);
      break;
    case 2:
      CopyFromFortran<2>(source.shape(), from, to, count);
      break;
    case 4:
      CopyFromFortran<4>(source.shape(), from, to, count);
      break;
    default:
      CopyFromFortran<8>(source.shape(), from, to, count);
  }
  return tensor;
}

// Any byte but 0 is true; the engine counts on 1.
void NormaliseBools(Tensor* tensor) {
  for (uint8_t& value : tensor->mutable_as<uint8_t>()) value = value != 0;
}

Result<Tensor> WidenedToFloat(const Tensor& tensor) {
  MS_ASSIGN_OR_RETURN(Tensor wide, Tensor::Allocate(DType::kF32, tensor.shape()));
  const auto* from = static_cast<const std::byte*>(tensor.data());
  std::span<float> to = wide.mutable_as<float>();
  for (size_t i = 0; i < to.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, from + i * sizeof(bits), sizeof(bits));
    to[i] = BFloat16ToFloat(bits);
  }
  return wide;
}

std::string WithoutZeros(std::string text) {
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

Result<std::string> FromUtf32(const std::string& bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint32_t c;
    std::memcpy(&c, bytes.data() + i, sizeof(c));
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
      return DataLoss("character " + std::to_string(i / 4) + " of the text is none of Unicode");
    }
    if (c < 0x80) {
      text += static_cast<char>(c);
      continue;
    }
    // The first byte says how many follow, each with six bits.
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    text += static_cast<char>((0xf0 << (3 - more)) | (c >> (6 * more)));
    for (int left = more - 1; left >= 0; --left) {
      text += static_cast<char>(0x80 | ((c >> (6 * left)) & 0x3f));
    }
  }
  return WithoutZeros(std::move(text));
}

// The dictionary, and where the data begins.
struct RawHeader {
  std::string text;
  uint64_t data_begin = 0;
};

Result<RawHeader> ReadRawHeader(uint64_t size, const ReadNext& read) {
  char start[kNpyPreludeSize];
  if (size < sizeof(start)) {
    return DataLoss("not a .npy array: it has " + std::to_string(size) + " bytes");
  }
  MS_RETURN_IF_ERROR(read(start, sizeof(start)));
  std::string_view prelude_bytes(start, sizeof(start));
  MS_ASSIGN_OR_RETURN(NpyPrelude prelude, ParseNpyPrelude(prelude_bytes));
  if (prelude.data_begin() > size || prelude.data_begin() < sizeof(start)) {
    return DataLoss("the .npy header claims " + std::to_string(prelude.header_size) +
                    " bytes of a file of " + std::to_string(size));
  }
  std::string header_bytes(prelude_bytes.substr(prelude.header_begin));
  size_t have = header_bytes.size();
  header_bytes.resize(prelude.header_size);
  MS_RETURN_IF_ERROR(read(header_bytes.data() + have, prelude.header_size - have));
  return RawHeader{std::move(header_bytes), prelude.data_begin()};
}

}  // namespace

Result<NpyHeader> DecodeNpyHeader(uint64_t size, const ReadNext& read) {
  MS_ASSIGN_OR_RETURN(const RawHeader raw, ReadRawHeader(size, read));
  MS_ASSIGN_OR_RETURN(NpyHeader header, ParseNpyHeader(raw.text));

  auto bytes = ByteSize(header.dtype, header.shape);
  if (!bytes.ok()) return DataLoss("the .npy " + std::string(bytes.status().message()));
  if (*bytes != size - raw.data_begin) {
    return DataLoss("the .npy header says " + std::string(DTypeName(header.dtype)) +
                    header.shape.ToString() + ", which has " + std::to_string(*bytes) +
                    " bytes; there are " + std::to_string(size - raw.data_begin));
  }
  return header;
}

Result<Tensor> DecodeNpy(uint64_t size, const ReadNext& read) {
  MS_ASSIGN_OR_RETURN(NpyHeader header, DecodeNpyHeader(size, read));
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(header.dtype, header.shape));
  MS_RETURN_IF_ERROR(read(tensor.mutable_data(), tensor.byte_size()));
  if (header.dtype == DType::kBool) NormaliseBools(&tensor);
  if (!header.fortran_order || header.shape.rank() < 2) return tensor;
  return FromFortran(tensor);
}

Result<std::string> DecodeNpyText(uint64_t size, const ReadNext& read) {
  MS_ASSIGN_OR_RETURN(const RawHeader raw, ReadRawHeader(size, read));
  MS_ASSIGN_OR_RETURN(const NpyTextHeader header, ParseNpyTextHeader(raw.text));
  if (header.bytes != size - raw.data_begin) {
    return DataLoss("the .npy header says a text of " + std::to_string(header.bytes) +
                    " bytes; there are " + std::to_string(size - raw.data_begin));
  }
  std::string bytes(header.bytes, '\0');
  MS_RETURN_IF_ERROR(read(bytes.data(), bytes.size()));
  return header.utf32 ? FromUtf32(bytes) : Result<std::string>(WithoutZeros(std::move(bytes)));
}

Result<std::string> EncodeNpy(const Tensor& tensor) {
  if (tensor.dtype() == DType::kBF16) {
    MS_ASSIGN_OR_RETURN(Tensor wide, WidenedToFloat(tensor));
    return EncodeNpy(wide);
  }
  MS_ASSIGN_OR_RETURN(std::string bytes, FormatNpyHeader(tensor.dtype(), tensor.shape()));
  bytes.append(static_cast<const char*>(tensor.data()), tensor.byte_size());
  return bytes;
}

}  // namespace midstream::formats
