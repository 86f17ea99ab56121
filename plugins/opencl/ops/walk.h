// Launches over elements: kernels take a span of them each (SPAN of kernels/common.cl), along one
// row of strided tensors or along all elements in order.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_WALK_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_WALK_H_

#include "kernel.h"

namespace midstream::opencl {

constexpr size_t kMaxWalked = 4;

// One axis that several tensors are walked along, and the step of each, in elements.
struct WalkAxis {
  int64_t size = 1;
  std::array<int64_t, kMaxWalked> step{};
};

// Elements of a work-item.
inline int64_t SpanOf(const Traits& traits) { return traits.tiles ? 64 : 1; }
// A launch of at least so many work-items in a row.
void SetItems(Call* call, int64_t items);
// A launch over n elements in order.
void SetElements(Call* call, const Traits& traits, int64_t n);
// " -DINDEX_64" when positions of this size occur.
inline bool NeedsLong(int64_t extent) { return extent > INT32_MAX; }

// Positions in 32 bits, or in 64 where they are needed.
class Positions {
 public:
  explicit Positions(int64_t extent) : wide_(NeedsLong(extent)) {}
  std::string defines() const { return wide_ ? " -DINDEX_64" : ""; }
  Arg operator()(int64_t value) const { return wide_ ? I64(value) : I32(value); }
  // A table on the device; at least one entry.
  Operand Table(PlanBuilder& plan, const std::vector<int64_t>& values) const;

 private:
  bool wide_;
};

std::vector<int64_t> RowMajor(std::span<const int64_t> shape);
// Steps of a tensor of `shape` as seen from `out`: 0 along what repeats.
std::vector<int64_t> BroadcastSteps(std::span<const int64_t> shape, std::span<const int64_t> out);

// Axes put together where every tensor allows it; what is left of the last one is the row.
class Walk {
 public:
  Walk(const std::vector<WalkAxis>& axes, size_t n_tensors);

  int64_t row_step(size_t tensor) const { return row_.step[tensor]; }
  // Tensors 0 and 1 are both walked without a gap.
  bool IsPlainCopy() const { return outer_.empty() && row_.step[0] == 1 && row_.step[1] == 1; }
  int64_t length() const { return row_.size; }
  const Positions& positions() const { return positions_; }
  // Appends WALK_PARAMETERS, the defines and the launch size.
  void Finish(PlanBuilder& plan, Call* call) const;

 private:
  static int64_t Extent(const std::vector<WalkAxis>& axes, size_t n_tensors);

  size_t n_;
  std::vector<WalkAxis> outer_;
  WalkAxis row_;
  Positions positions_;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_WALK_H_
