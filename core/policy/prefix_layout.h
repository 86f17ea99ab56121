// PrefixLayout: which rows of a prefix there are (images, then the prompt), and which of them are
// valid.
//
// The model computes valid rows only; everything that a caller sees of the prefix has all rows, as
// openpi computes them, with zeros where a row was left out. pi0-FAST moves valid rows to the end.
// Threads: immutable after construction.
#ifndef MIDSTREAM_CORE_POLICY_PREFIX_LAYOUT_H_
#define MIDSTREAM_CORE_POLICY_PREFIX_LAYOUT_H_

#include <cstdint>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"
#include "core/policy/model_inputs.h"

namespace midstream::policy {

class PrefixLayout {
 public:
  PrefixLayout(const ModelInputs& inputs, int64_t image_tokens);

  int64_t rows() const { return static_cast<int64_t>(mask_.size()); }
  const std::vector<int64_t>& valid() const { return valid_; }  // rows, in order
  // The layout with the last valid row at the end and all others rolled along.
  PrefixLayout RightAligned() const;

  // `compact` has the valid rows as axis `axis`. Errors: RESOURCE_EXHAUSTED.
  Result<Tensor> Scatter(const Tensor& compact, size_t axis) const;

  Tensor Mask() const;           // [1, rows] bool
  Tensor Positions() const;      // [1, rows] int32: the number of valid rows so far, less one
  Tensor AttentionMask() const;  // [1, rows, rows] bool: both are valid
  // [1, s, rows + s] bool of s rows after the prefix, of which the first `alone` do not see the others.
  Tensor SuffixAttentionMask(int64_t suffix, int64_t alone) const;
  Tensor SuffixPositions(int64_t suffix) const;  // [1, s] int32

 private:
  explicit PrefixLayout(std::vector<bool> mask);

  std::vector<bool> mask_;
  std::vector<int64_t> valid_;
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_PREFIX_LAYOUT_H_
