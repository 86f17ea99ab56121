// Operators that only change the shape: they share memory with their input.
#include "ops/elements.h"
#include "ops/op_table.h"

namespace midstream::opencl {
namespace {

class View final : public Kernel {
 public:
  bool IsView() const override { return true; }
  void Plan(PlanBuilder&) const override {}
};

sdk::Claim ClaimAny(const sdk::NodeView& node, const Traits&) {
  return sdk::Claim::Yes(node.output(0).dtype(), node.output(0).dtype());
}

}  // namespace

void AddViewOps(OpList* list) {
  for (std::string_view op : {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}) {
    list->push_back({kOnnx, op, ClaimAny, [](const sdk::NodeView&) -> std::unique_ptr<Kernel> {
                       return std::make_unique<View>();
                     }});
  }
}

}  // namespace midstream::opencl
