#include "core/cli/tensor_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace midstream::cli {
namespace {

template <typename T>
double As(const void* element) {
  T value;
  std::memcpy(&value, element, sizeof(value));
  return static_cast<double>(value);
}

double Half(const void* element) {
  uint16_t bits;
  std::memcpy(&bits, element, sizeof(bits));
  return static_cast<double>(HalfToFloat(bits));
}

double BFloat16(const void* element) {
  uint16_t bits;
  std::memcpy(&bits, element, sizeof(bits));
  return static_cast<double>(BFloat16ToFloat(bits));
}

using ToDouble = double (*)(const void*);

// nullptr for a dtype that has no numbers.
ToDouble Conversion(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return As<float>;
    case DType::kF64:
      return As<double>;
    case DType::kF16:
      return Half;
    case DType::kBF16:
      return BFloat16;
    case DType::kI8:
      return As<int8_t>;
    case DType::kI16:
      return As<int16_t>;
    case DType::kI32:
      return As<int32_t>;
    case DType::kI64:
      return As<int64_t>;
    case DType::kU8:
    case DType::kBool:
      return As<uint8_t>;
    case DType::kU16:
      return As<uint16_t>;
    case DType::kU32:
      return As<uint32_t>;
    case DType::kU64:
      return As<uint64_t>;
    default:
      return nullptr;
  }
}

}  // namespace

TensorStatistics StatisticsOf(const Tensor& tensor) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const ToDouble convert = Conversion(tensor.dtype());
  const size_t width = DTypeSize(tensor.dtype());
  const auto* data = static_cast<const std::byte*>(tensor.data());
  TensorStatistics result;
  // Welford's recurrence: one pass, and exact enough for values far from zero.
  double count = 0;
  double mean = 0;
  double squares = 0;
  for (size_t at = 0; convert != nullptr && at < tensor.byte_size(); at += width) {
    const double value = convert(data + at);
    if (!std::isfinite(value)) {
      ++result.nonfinite;
      continue;
    }
    result.min = count == 0 ? value : std::min(result.min, value);
    result.max = count == 0 ? value : std::max(result.max, value);
    count += 1;
    const double step = value - mean;
    mean += step / count;
    squares += step * (value - mean);
  }
  if (count == 0) return {kNone, kNone, kNone, kNone, result.nonfinite};
  result.mean = mean;
  result.standard_deviation = std::sqrt(squares / count);
  return result;
}

TensorDifference DifferenceOf(const Tensor& a, const Tensor& b) {
  const ToDouble convert = Conversion(a.dtype());
  const size_t width = DTypeSize(a.dtype());
  const auto* left = static_cast<const std::byte*>(a.data());
  const auto* right = static_cast<const std::byte*>(b.data());
  TensorDifference result;
  for (size_t at = 0; convert != nullptr && at < a.byte_size(); at += width) {
    if (std::memcmp(left + at, right + at, width) == 0) continue;
    ++result.elements;
    const double x = convert(left + at);
    const double y = convert(right + at);
    const bool finite = std::isfinite(x) && std::isfinite(y);
    const double absolute = finite ? std::fabs(x - y) : std::numeric_limits<double>::infinity();
    const double magnitude = std::max(std::fabs(x), std::fabs(y));
    const double relative = !finite ? absolute : magnitude > 0 ? absolute / magnitude : 0;
    result.largest_absolute = std::max(result.largest_absolute, absolute);
    result.largest_relative = std::max(result.largest_relative, relative);
  }
  return result;
}

}  // namespace midstream::cli
