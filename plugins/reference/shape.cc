// Operators that only change or tell the shape.
#include <algorithm>
#include <array>

#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

// The same elements under another shape.
class ViewKernel : public sdk::Kernel {
 public:
  bool IsView() const override { return true; }
  void Run(const KernelArgs&) const override {}  // never called for a view
};

KernelPtr View(const NodeView&) { return std::make_unique<ViewKernel>(); }

KernelPtr ShapeOf(const NodeView& node) {
  int64_t start = node.Int("start", 0);
  return MakeMove([start](const KernelArgs& args) {
    const TensorView& x = args.inputs[0];
    int64_t rank = x.rank;
    int64_t first = std::clamp<int64_t>(start < 0 ? start + rank : start, 0, rank);
    const TensorView& y = args.outputs[0];
    for (int64_t i = 0; i < y.count(); ++i) {
      y.as<int64_t>()[i] = x.dim(static_cast<size_t>(first + i));
    }
  });
}

KernelPtr SizeOf(const NodeView&) {
  return MakeMove(
      [](const KernelArgs& args) { *args.outputs[0].as<int64_t>() = args.inputs[0].count(); });
}

constexpr std::array kTable = {
    KernelEntry{"", "Flatten", ClaimAny, View},   KernelEntry{"", "Identity", ClaimAny, View},
    KernelEntry{"", "Reshape", ClaimAny, View},   KernelEntry{"", "Shape", ClaimAny, ShapeOf},
    KernelEntry{"", "Size", ClaimAny, SizeOf},    KernelEntry{"", "Squeeze", ClaimAny, View},
    KernelEntry{"", "Unsqueeze", ClaimAny, View},
};

}  // namespace

std::span<const KernelEntry> ShapeKernels() { return kTable; }

}  // namespace midstream::reference
