// Operators that only change the shape: they share memory with their input. Those that tell it are
// constants of the plan.
#include <algorithm>

#include "ops/claims.h"
#include "ops/op_table.h"

namespace midstream::opencl {
namespace {

class View final : public Kernel {
 public:
  bool IsView() const override { return true; }
  void Plan(PlanBuilder&) const override {}
};

class ShapeOf final : public Kernel {
 public:
  explicit ShapeOf(const sdk::NodeView& node) : start_(node.Int("start", 0)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    const auto rank = static_cast<int64_t>(x.rank());
    const int64_t first = std::clamp<int64_t>(start_ < 0 ? start_ + rank : start_, 0, rank);
    plan.Copy(plan.Constant(y.dtype, y.shape, x.shape.data() + first), y);
  }

 private:
  const int64_t start_;
};

class SizeOf final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand& y = plan.out(0);
    const int64_t count = plan.in(0).count();
    plan.Copy(plan.Constant(y.dtype, y.shape, &count), y);
  }
};

}  // namespace

void AddViewOps(OpList* list) {
  for (std::string_view op : {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}) {
    list->push_back(Entry<View>(kOnnx, op, ClaimElement));
  }
  list->push_back(Entry<ShapeOf>(kOnnx, "Shape", ClaimElement));
  list->push_back(Entry<SizeOf>(kOnnx, "Size", ClaimElement));
}

}  // namespace midstream::opencl
