// Operators that work element by element.
#include "ops/elements.h"
#include "ops/op_table.h"

namespace midstream::opencl {
namespace {

constexpr size_t kGroup = 64;

class Unary final : public Kernel {
 public:
  explicit Unary(std::string kernel) : kernel_(std::move(kernel)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    Call call{"elementwise", kernel_, DefineType("TX", x.dtype)};
    call.args = {x, plan.out(0), I64(x.count())};
    call.global = {static_cast<size_t>(x.count()), 1, 1};
    call.local = {kGroup, 1, 1};
    plan.Launch(std::move(call));
  }

 private:
  const std::string kernel_;
};

sdk::Claim ClaimReal(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!IsReal(dtype, traits)) return sdk::Claim::No(MS_REASON_DTYPE);
  return sdk::Claim::Yes(ComputeDType(dtype), ComputeDType(dtype));
}

}  // namespace

void AddElementwiseOps(OpList* list) {
  list->push_back({kOnnx, "Relu", ClaimReal, [](const sdk::NodeView&) -> std::unique_ptr<Kernel> {
                     return std::make_unique<Unary>("relu");
                   }});
}

}  // namespace midstream::opencl
