// How far the values of one tensor are from those of another, its baseline: the figures of
// `midstream compare`, defined with formulas in docs/compare.md.
//
// All is computed in double. An element that is NaN or infinite on either side counts as equal where
// both are NaN, or both the same infinity, and as a mismatch elsewhere; errors are those of the
// remaining elements. Tensors without elements have no error.
#ifndef MIDSTREAM_CORE_COMPARE_METRICS_H_
#define MIDSTREAM_CORE_COMPARE_METRICS_H_

#include <cstdint>
#include <string>

#include "core/compare/tolerance.h"
#include "core/graph/tensor.h"

namespace midstream::compare {

struct Difference {
  DType dtype = DType::kInvalid;
  Shape shape;
  int64_t elements = 0;
  int64_t different = 0;  // not equal as numbers
  int64_t nonfinite = 0;  // mismatches of NaN and infinities; where no element is finite on both
                          // sides, the errors below are NaN and scaled is infinite
  int64_t outside = 0;    // beyond the tolerance, mismatches included
  double max_abs = 0;     // max |a - b|
  double max_rel = 0;     // max |a - b| / max(|a|, |b|)
  double scale = 0;       // max |b|
  double scaled = 0;      // max_abs / scale
  double nmse = 0;        // sum (a - b)^2 / sum b^2
  double cosine = 1;      // sum ab / sqrt(sum a^2 sum b^2)
  uint64_t max_ulp = 0;   // floats only: representable numbers from a to b
  int64_t rows = 0;       // along the last axis, where that has several elements
  int64_t flips = 0;      // rows whose largest element is another one
  int64_t worst = -1;     // the element with max_abs, or the first mismatch; -1: none differs

  bool within() const { return outside == 0; }
  bool is_float() const { return IsFloat(dtype); }
};

// Errors: INVALID_ARGUMENT when dtypes or shapes differ, saying how.
Result<Difference> Compare(const Tensor& value, const Tensor& baseline, const Tolerance& tolerance);

// The distance of two numbers in units of the last place: how many representable numbers of the
// dtype lie from one to the other; the two zeros are one number. Requires: a float dtype, neither
// is NaN.
uint64_t UlpDistance(DType dtype, const void* a, const void* b);

// "[3,17]": the indices of element `i` of the shape.
std::string IndexText(const Shape& shape, int64_t i);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_METRICS_H_
