// Products with a matrix.
#include "ops/elements.h"
#include "ops/op_table.h"

namespace midstream::opencl {
namespace {

class MatMul final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand& a = plan.in(0);
    const Operand& b = plan.in(1);
    const int64_t k = b.dim(0), n = b.dim(1), m = plan.out(0).count() / std::max<int64_t>(n, 1);
    Call call{"matmul", "matmul_plain", DefineType("TX", a.dtype)};
    call.args = {a, b, plan.out(0), I32(m), I32(k), I32(n)};
    call.global = {static_cast<size_t>(n), static_cast<size_t>(m), 1};
    call.local = {64, 1, 1};
    plan.Launch(std::move(call));
  }
};

sdk::Claim ClaimMatMul(const sdk::NodeView& node, const Traits& traits) {
  const sdk::ValueView a = node.input(0), b = node.input(1);
  if (!IsReal(a.dtype(), traits)) return sdk::Claim::No(MS_REASON_DTYPE);
  if (!b.rank_known() || b.shape().size() != 2) return sdk::Claim::No(MS_REASON_SHAPE);
  return sdk::Claim::Yes(ComputeDType(a.dtype()), ComputeDType(a.dtype()));
}

}  // namespace

void AddMatMulOps(OpList* list) {
  list->push_back(
      {kOnnx, "MatMul", ClaimMatMul,
       [](const sdk::NodeView&) -> std::unique_ptr<Kernel> { return std::make_unique<MatMul>(); }});
}

}  // namespace midstream::opencl
