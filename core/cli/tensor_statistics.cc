#include "core/cli/tensor_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/graph/element.h"

namespace midstream::cli {

TensorStatistics StatisticsOf(const Tensor& tensor) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  TensorStatistics result;
  // Welford's recurrence: one pass, and exact enough for values far from zero.
  double count = 0;
  double mean = 0;
  double squares = 0;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const double value = ElementAsDouble(tensor, i);
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
  const size_t width = DTypeSize(a.dtype());
  const auto* left = static_cast<const std::byte*>(a.data());
  const auto* right = static_cast<const std::byte*>(b.data());
  TensorDifference result;
  for (int64_t i = 0; i < a.count(); ++i) {
    const size_t at = static_cast<size_t>(i) * width;
    if (std::memcmp(left + at, right + at, width) == 0) continue;
    ++result.elements;
    const double x = ElementAsDouble(a, i);
    const double y = ElementAsDouble(b, i);
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
