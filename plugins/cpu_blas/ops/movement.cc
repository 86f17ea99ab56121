// Operators that move elements of any type by position: Transpose, Expand, Tile, Slice, Concat,
// Split, Pad.
#include <algorithm>
#include <cstring>

#include "ops/integers.h"
#include "ops/op_table.h"
#include "ops/strided_copy.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

// Tile needs two axes of the view for each of the tensor.
constexpr uint32_t kMaxRank = StridedView::kMaxRank / 2;

class TransposeKernel final : public sdk::Kernel {
 public:
  explicit TransposeKernel(std::vector<int64_t> order) : order_(std::move(order)) {}
  void Run(const KernelArgs& args) const override {
    const TensorView& x = args.inputs[0];
    StridedView view;
    for (uint32_t i = 0; i < x.rank; ++i) {
      uint32_t from = order_.empty() ? x.rank - 1 - i : static_cast<uint32_t>(order_[i]);
      int64_t step = 1;
      for (uint32_t j = from + 1; j < x.rank; ++j) step *= x.dim(j);
      view.AddAxis(x.dim(from), step);
    }
    view.CopyTo(args.outputs[0].data, x.data, sdk::ByteWidth(x.dtype), *args.host);
  }

 private:
  const std::vector<int64_t> order_;  // empty: reversed
};

// Expand, and Tile: output axis i repeats the input axis as often as it fits.
class RepeatKernel final : public sdk::Kernel {
 public:
  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    if (out.count() == 0) return;
    StridedView view;
    int64_t step = x.count();
    for (uint32_t i = 0; i < out.rank; ++i) {
      int64_t size = i + x.rank < out.rank ? 1 : x.dim(i + x.rank - out.rank);
      step /= size;
      view.AddAxis(out.dim(i) / size, 0);
      view.AddAxis(size, step);
    }
    view.CopyTo(out.data, x.data, sdk::ByteWidth(x.dtype), *args.host);
  }
};

class SliceKernel final : public sdk::Kernel {
 public:
  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    if (out.count() == 0) return;
    Integers starts(args, 1), axes(args, 3), steps(args, 4);
    int64_t first[kMaxRank] = {}, stride[kMaxRank];
    std::fill(stride, stride + kMaxRank, 1);
    for (int64_t i = 0; i < starts.size(); ++i) {
      uint32_t axis = PositiveAxis(axes.present() ? axes[i] : i, x.rank);
      const int64_t size = x.dim(axis);
      stride[axis] = steps.present() ? steps[i] : 1;
      int64_t start = starts[i] < 0 ? starts[i] + size : starts[i];
      first[axis] = std::clamp<int64_t>(start, 0, stride[axis] > 0 ? size : size - 1);
    }
    StridedView view;
    int64_t start = 0, step = x.count();
    for (uint32_t i = 0; i < x.rank; ++i) {
      step /= x.dim(i);
      start += first[i] * step;
      view.AddAxis(out.dim(i), out.dim(i) == 1 ? 0 : stride[i] * step);
    }
    view.set_start(start);
    view.CopyTo(out.data, x.data, sdk::ByteWidth(x.dtype), *args.host);
  }
};

// Contiguous runs of the tensor's elements below (and with) an axis.
int64_t BytesFrom(const TensorView& x, uint32_t axis) {
  auto bytes = static_cast<int64_t>(sdk::ByteWidth(x.dtype));
  for (uint32_t i = axis; i < x.rank; ++i) bytes *= x.dim(i);
  return bytes;
}
int64_t CountBefore(const TensorView& x, uint32_t axis) {
  int64_t count = 1;
  for (uint32_t i = 0; i < axis; ++i) count *= x.dim(i);
  return count;
}

void CopyRuns(void* to, int64_t to_step, const void* from, int64_t from_step, int64_t bytes,
              int64_t count) {
  if (bytes == 0) return;
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(static_cast<std::byte*>(to) + i * to_step,
                static_cast<const std::byte*>(from) + i * from_step, static_cast<size_t>(bytes));
  }
}

class ConcatKernel final : public sdk::Kernel {
 public:
  explicit ConcatKernel(int64_t axis) : axis_(axis) {}
  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    const uint32_t axis = PositiveAxis(axis_, out.rank);
    const int64_t run = BytesFrom(out, axis), count = CountBefore(out, axis);
    auto* to = out.as<std::byte>();
    for (uint32_t i = 0; i < args.n_inputs; ++i) {
      int64_t bytes = BytesFrom(args.inputs[i], axis);
      CopyRuns(to, run, args.inputs[i].data, bytes, bytes, count);
      to += bytes;
    }
  }

 private:
  const int64_t axis_;
};

class SplitKernel final : public sdk::Kernel {
 public:
  explicit SplitKernel(int64_t axis) : axis_(axis) {}
  void Run(const KernelArgs& args) const override {
    const TensorView& x = args.inputs[0];
    const uint32_t axis = PositiveAxis(axis_, x.rank);
    const int64_t run = BytesFrom(x, axis), count = CountBefore(x, axis);
    const auto* from = x.as<std::byte>();
    for (uint32_t i = 0; i < args.n_outputs; ++i) {
      int64_t bytes = BytesFrom(args.outputs[i], axis);
      CopyRuns(args.outputs[i].data, bytes, from, run, bytes, count);
      from += bytes;
    }
  }

 private:
  const int64_t axis_;
};

class PadKernel final : public sdk::Kernel {
 public:
  enum class Mode { kConstant, kReflect, kEdge };
  explicit PadKernel(Mode mode) : mode_(mode) {}

  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    Integers pads(args, 1), axes(args, 3);
    Walk walk{};
    const int64_t n = axes.present() ? axes.size() : x.rank;
    for (int64_t i = 0; i < n; ++i) {
      walk.before[PositiveAxis(axes.present() ? axes[i] : i, x.rank)] = pads[i];
    }
    walk.width = static_cast<int64_t>(sdk::ByteWidth(x.dtype));
    static constexpr std::byte kZero[8] = {};
    bool given = args.n_inputs > 2 && args.inputs[2].present();
    walk.fill = given ? args.inputs[2].as<std::byte>() : kZero;
    walk.to = out.as<std::byte>();
    if (out.count() > 0) Copy(x, out, 0, x.as<std::byte>(), false, &walk);
  }

 private:
  struct Walk {
    int64_t before[kMaxRank];
    int64_t width;
    const std::byte* fill;
    std::byte* to;
  };

  // Position in the input for output position i of an axis; -1: none, the fill.
  int64_t Source(int64_t i, int64_t before, int64_t size) const {
    int64_t at = i - before;
    if (at >= 0 && at < size) return at;
    if (mode_ == Mode::kConstant) return -1;
    if (mode_ == Mode::kEdge) return std::clamp<int64_t>(at, 0, size - 1);
    return at < 0 ? -at : 2 * (size - 1) - at;
  }

  // Writes the output from `axis` on; from: the input at the axes before it.
  void Copy(const TensorView& x, const TensorView& out, uint32_t axis, const std::byte* from,
            bool filling, Walk* walk) const {
    if (axis == x.rank) {
      std::memcpy(walk->to, filling ? walk->fill : from, static_cast<size_t>(walk->width));
      walk->to += walk->width;
      return;
    }
    const int64_t step = BytesFrom(x, axis + 1), before = walk->before[axis], size = x.dim(axis);
    const bool innermost = axis + 1 == x.rank;
    for (int64_t i = 0; i < out.dim(axis); ++i) {
      int64_t at = filling ? -1 : Source(i, before, size);
      int64_t inside = std::min(size - at, out.dim(axis) - i);
      if (innermost && at >= 0 && i >= before && i < before + size) {  // the run inside
        std::memcpy(walk->to, from + at * step, static_cast<size_t>(inside * step));
        walk->to += inside * step;
        i += inside - 1;
        continue;
      }
      Copy(x, out, axis + 1, at < 0 ? from : from + at * step, at < 0, walk);
    }
  }

  const Mode mode_;
};

// Data of any type that can be copied by width; indices of int32 or int64.
Claim ClaimMove(const NodeView& node) {
  const ms_dtype dtype = node.output(0).dtype();
  if (!HasCopyWidth(dtype)) return Claim::No(MS_REASON_DTYPE);
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) continue;
    if (!node.input(i).rank_known() || node.input(i).info().rank > kMaxRank) {
      return Claim::No(MS_REASON_SHAPE);
    }
  }
  if (!node.output(0).rank_known() || node.output(0).info().rank > kMaxRank) {
    return Claim::No(MS_REASON_SHAPE);
  }
  return Claim::Yes(dtype, dtype);
}

template <typename K>
std::unique_ptr<sdk::Kernel> Create(const NodeView&, const Setup&) {
  return std::make_unique<K>();
}
template <typename K>
std::unique_ptr<sdk::Kernel> CreateWithAxis(const NodeView& node, const Setup&) {
  return std::make_unique<K>(node.Int("axis", 0));
}
std::unique_ptr<sdk::Kernel> CreateTranspose(const NodeView& node, const Setup&) {
  return std::make_unique<TransposeKernel>(node.Ints("perm"));
}
std::unique_ptr<sdk::Kernel> CreatePad(const NodeView& node, const Setup&) {
  std::string mode = node.String("mode", "constant");
  return std::make_unique<PadKernel>(mode == "reflect" ? PadKernel::Mode::kReflect
                                     : mode == "edge"  ? PadKernel::Mode::kEdge
                                                       : PadKernel::Mode::kConstant);
}

}  // namespace

void AddMovementOps(OpList* list) {
  list->push_back({kOnnx, "Transpose", ClaimMove, CreateTranspose});
  list->push_back({kOnnx, "Expand", ClaimMove, Create<RepeatKernel>});
  list->push_back({kOnnx, "Tile", ClaimMove, Create<RepeatKernel>});
  list->push_back({kOnnx, "Slice", ClaimMove, Create<SliceKernel>});
  list->push_back({kOnnx, "Concat", ClaimMove, CreateWithAxis<ConcatKernel>});
  list->push_back({kOnnx, "Split", ClaimMove, CreateWithAxis<SplitKernel>});
  list->push_back({kOnnx, "Pad", ClaimMove, CreatePad});
}

}  // namespace midstream::cpu_blas
