#include "core/compare/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/graph/element.h"

namespace midstream::compare {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Bits of a float as an integer that grows with the number; both zeros are 0.
template <typename Bits>
int64_t Ordered(const void* element) {
  Bits bits;
  std::memcpy(&bits, element, sizeof bits);
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  const auto magnitude = static_cast<int64_t>(bits & static_cast<Bits>(~kSign));
  return (bits & kSign) != 0 ? -magnitude : magnitude;
}

int64_t OrderedOf(DType dtype, const void* element) {
  switch (DTypeSize(dtype)) {
    case 2:
      return Ordered<uint16_t>(element);
    case 4:
      return Ordered<uint32_t>(element);
    default:
      return Ordered<uint64_t>(element);
  }
}

// Integers past 2^53 are not told apart as doubles.
bool SameBytes(const Tensor& a, const Tensor& b, int64_t i) {
  const size_t width = DTypeSize(a.dtype());
  const size_t at = static_cast<size_t>(i) * width;
  return std::memcmp(a.bytes().data() + at, b.bytes().data() + at, width) == 0;
}

class Comparison {
 public:
  Comparison(const Tensor& a, const Tensor& b, const Tolerance& tolerance) : a_(a), b_(b) {
    result_.dtype = b.dtype();
    result_.shape = b.shape();
    result_.elements = b.count();
    result_.scale = LargestOf(b);
    unit_ = std::max(LargestOf(a), result_.scale);
    const double of_dtype = ToleranceOf(b.dtype());
    atol_ = tolerance.atol.value_or(of_dtype * result_.scale);
    rtol_ = tolerance.rtol.value_or(of_dtype);
  }

  Difference Run() {
    for (int64_t i = 0; i < result_.elements; ++i) Element(i);
    Summarise();
    CountFlips();
    return result_;
  }

 private:
  static double LargestOf(const Tensor& tensor) {
    double largest = 0;
    for (int64_t i = 0; i < tensor.count(); ++i) {
      const double value = std::fabs(ElementAsDouble(tensor, i));
      if (std::isfinite(value)) largest = std::max(largest, value);
    }
    return largest;
  }

  void Element(int64_t i) {
    const double x = ElementAsDouble(a_, i);
    const double y = ElementAsDouble(b_, i);
    if (!std::isfinite(x) || !std::isfinite(y)) {
      if (x == y || (std::isnan(x) && std::isnan(y))) return;
      ++result_.different;
      ++result_.outside;
      if (result_.nonfinite++ == 0) result_.worst = i;
      return;
    }
    ++compared_;
    AddToSums(x, y);
    if (x == y && (result_.is_float() || SameBytes(a_, b_, i))) return;
    ++result_.different;
    const double error = std::fabs(x - y);
    const double larger = std::max(std::fabs(x), std::fabs(y));
    if (!(error <= atol_ + rtol_ * std::fabs(y)) || error == 0) ++result_.outside;
    if (result_.nonfinite == 0 && (error > result_.max_abs || result_.worst < 0)) {
      result_.worst = i;
    }
    result_.max_abs = std::max(result_.max_abs, error);
    if (larger > 0) result_.max_rel = std::max(result_.max_rel, error / larger);
    if (!result_.is_float()) return;
    const size_t at = static_cast<size_t>(i) * DTypeSize(b_.dtype());
    result_.max_ulp = std::max(
        result_.max_ulp, UlpDistance(b_.dtype(), a_.bytes().data() + at, b_.bytes().data() + at));
  }

  // In units of the largest element, so that no square overflows or vanishes.
  void AddToSums(double x, double y) {
    if (unit_ == 0) return;
    x /= unit_;
    y /= unit_;
    sum_xx_ += x * x;
    sum_yy_ += y * y;
    sum_xy_ += x * y;
    squares_ += (x - y) * (x - y);
  }

  void Summarise() {
    if (result_.nonfinite > 0 && compared_ == 0) return NothingFinite();
    const auto over = [](double error, double by) {
      return error == 0 ? 0 : by > 0 ? error / by : kInfinity;
    };
    result_.scaled = over(result_.max_abs, result_.scale);
    result_.nmse = over(squares_, sum_yy_);
    if (result_.different == result_.nonfinite) return;  // no rounding where nothing differs
    const double lengths = std::sqrt(sum_xx_) * std::sqrt(sum_yy_);
    result_.cosine = lengths > 0 ? std::clamp(sum_xy_ / lengths, -1.0, 1.0) : 0;
  }

  // Nothing was compared, so that there is no figure to tell.
  void NothingFinite() {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    result_.max_abs = result_.max_rel = result_.nmse = result_.cosine = kNone;
    result_.scaled = kInfinity;
  }

  // The first largest element of a row; NaN is larger than no number.
  static int64_t ArgMax(const Tensor& tensor, int64_t begin, int64_t width) {
    int64_t best = 0;
    double most = -kInfinity;
    for (int64_t i = 0; i < width; ++i) {
      const double value = ElementAsDouble(tensor, begin + i);
      if (value > most) {
        most = value;
        best = i;
      }
    }
    return best;
  }

  void CountFlips() {
    const Shape& shape = b_.shape();
    if (!result_.is_float() || shape.rank() == 0 || result_.elements == 0) return;
    const int64_t width = shape[shape.rank() - 1];
    if (width < 2) return;
    result_.rows = result_.elements / width;
    if (result_.different == 0) return;
    for (int64_t row = 0; row < result_.rows; ++row) {
      result_.flips += ArgMax(a_, row * width, width) != ArgMax(b_, row * width, width) ? 1 : 0;
    }
  }

  const Tensor& a_;
  const Tensor& b_;
  Difference result_;
  double atol_ = 0, rtol_ = 0;
  double unit_ = 0;       // the largest magnitude of both tensors
  int64_t compared_ = 0;  // elements that are finite on both sides
  double sum_xx_ = 0, sum_yy_ = 0, sum_xy_ = 0, squares_ = 0;
};

}  // namespace

uint64_t UlpDistance(DType dtype, const void* a, const void* b) {
  const int64_t x = OrderedOf(dtype, a), y = OrderedOf(dtype, b);
  return x > y ? static_cast<uint64_t>(x) - static_cast<uint64_t>(y)
               : static_cast<uint64_t>(y) - static_cast<uint64_t>(x);
}

Result<Difference> Compare(const Tensor& value, const Tensor& baseline,
                           const Tolerance& tolerance) {
  if (value.dtype() != baseline.dtype() || value.shape() != baseline.shape()) {
    return InvalidArgument(fmt::format("is {}{}, but {}{} in the baseline",
                                       DTypeName(value.dtype()), value.shape().ToString(),
                                       DTypeName(baseline.dtype()), baseline.shape().ToString()));
  }
  return Comparison(value, baseline, tolerance).Run();
}

std::string IndexText(const Shape& shape, int64_t i) {
  std::vector<int64_t> at(shape.rank());
  for (size_t axis = shape.rank(); axis-- > 0;) {
    const int64_t size = std::max<int64_t>(shape[axis], 1);
    at[axis] = i % size;
    i /= size;
  }
  return fmt::format("[{}]", fmt::join(at, ","));
}

}  // namespace midstream::compare
