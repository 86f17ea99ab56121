// Operators that only change the shape: they share memory with their input. And Shape and Size,
// whose values the core usually knows before.
#include "ops/integers.h"
#include "ops/op_table.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;

class ViewKernel final : public sdk::Kernel {
 public:
  bool IsView() const override { return true; }
  void Run(const KernelArgs&) const override {}
};

class ShapeKernel final : public sdk::Kernel {
 public:
  explicit ShapeKernel(int64_t start) : start_(start) {}
  void Run(const KernelArgs& args) const override {
    const sdk::TensorView& x = args.inputs[0];
    const int64_t rank = x.rank;
    int64_t first = std::clamp<int64_t>(start_ < 0 ? start_ + rank : start_, 0, rank);
    auto* out = args.outputs[0].as<int64_t>();
    for (int64_t i = 0; i < args.outputs[0].count(); ++i) out[i] = x.dims[first + i];
  }

 private:
  const int64_t start_;
};

class SizeKernel final : public sdk::Kernel {
 public:
  void Run(const KernelArgs& args) const override {
    *args.outputs[0].as<int64_t>() = args.inputs[0].count();
  }
};

Claim ClaimAny(const NodeView& node) {
  return Claim::Yes(node.output(0).dtype(), node.output(0).dtype());
}

}  // namespace

void AddViewOps(OpList* list) {
  for (std::string_view op : {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}) {
    list->push_back({kOnnx, op, ClaimAny, [](const NodeView&, const Setup&) {
                       return std::unique_ptr<sdk::Kernel>(std::make_unique<ViewKernel>());
                     }});
  }
  list->push_back({kOnnx, "Shape", ClaimAny, [](const NodeView& node, const Setup&) {
                     return std::unique_ptr<sdk::Kernel>(
                         std::make_unique<ShapeKernel>(node.Int("start", 0)));
                   }});
  list->push_back({kOnnx, "Size", ClaimAny, [](const NodeView&, const Setup&) {
                     return std::unique_ptr<sdk::Kernel>(std::make_unique<SizeKernel>());
                   }});
}

}  // namespace midstream::cpu_blas
