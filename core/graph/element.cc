#include "core/graph/element.h"

#include <cstring>
#include <limits>

namespace midstream {
namespace {

template <typename T>
T At(const Tensor& tensor, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const std::byte*>(tensor.data()) + i * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

double ElementAsDouble(const Tensor& tensor, int64_t i) {
  switch (tensor.dtype()) {
    case DType::kF32:
      return static_cast<double>(At<float>(tensor, i));
    case DType::kF64:
      return static_cast<double>(At<double>(tensor, i));
    case DType::kI8:
      return static_cast<double>(At<int8_t>(tensor, i));
    case DType::kI16:
      return static_cast<double>(At<int16_t>(tensor, i));
    case DType::kI32:
      return static_cast<double>(At<int32_t>(tensor, i));
    case DType::kI64:
      return static_cast<double>(At<int64_t>(tensor, i));
    case DType::kU8:
      return static_cast<double>(At<uint8_t>(tensor, i));
    case DType::kU16:
      return static_cast<double>(At<uint16_t>(tensor, i));
    case DType::kU32:
      return static_cast<double>(At<uint32_t>(tensor, i));
    case DType::kU64:
      return static_cast<double>(At<uint64_t>(tensor, i));
    case DType::kF16:
      return static_cast<double>(HalfToFloat(At<uint16_t>(tensor, i)));
    case DType::kBF16:
      return static_cast<double>(BFloat16ToFloat(At<uint16_t>(tensor, i)));
    case DType::kBool:
      return At<uint8_t>(tensor, i) != 0 ? 1.0 : 0.0;
    case DType::kString:
    case DType::kInvalid:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace midstream
