// LayerNormalization and RMSNormalization.
#include <array>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/rows.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

// The axes [begin, end) of a walk: sizes, then the steps of scale and shift.
void AppendAxes(std::vector<int64_t>* table, std::span<const int64_t> shape,
                const std::array<std::vector<int64_t>, 2>& steps, size_t begin, size_t end) {
  table->insert(table->end(), shape.begin() + static_cast<int64_t>(begin),
                shape.begin() + static_cast<int64_t>(end));
  for (const std::vector<int64_t>& of : steps) {
    table->insert(table->end(), of.begin() + static_cast<int64_t>(begin),
                  of.begin() + static_cast<int64_t>(end));
  }
}

class NormalizeRows final : public Kernel {
 public:
  explicit NormalizeRows(const sdk::NodeView& node)
      : axis_(node.Int("axis", -1)),
        epsilon_(node.Float("epsilon", 1e-5)),
        centred_(node.op() == "LayerNormalization") {}

  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &scale = plan.in(1);
    const bool has_shift = plan.HasInput(2);
    const Operand& shift = has_shift ? plan.in(2) : scale;
    const size_t axis = NormalAxis(axis_, x.rank());
    const std::span<const int64_t> shape(x.shape);
    const int64_t n = sdk::Count(shape.subspan(axis)), rows = x.count() == 0 ? 0 : x.count() / n;
    const std::array steps = {BroadcastSteps(scale.shape, shape),
                              BroadcastSteps(shift.shape, shape)};
    const std::vector<int64_t> own = RowMajor(shape);
    bool plain = true;
    for (size_t i = axis; i < x.rank(); ++i) {
      for (const auto& of : steps) plain = plain && (of[i] == own[i] || shape[i] == 1);
    }
    std::vector<int64_t> axes;
    AppendAxes(&axes, shape, steps, 0, axis);
    AppendAxes(&axes, shape, steps, axis, x.rank());
    const Positions positions(x.count());
    Call call{"rows", "normalize_rows",
              DefineType("TX", x.dtype) + DefineType("TP", scale.dtype) +
                  DefineType("TQ", shift.dtype) + positions.defines()};
    call.args = {x,
                 scale,
                 shift,
                 plan.out(0),
                 positions.Table(plan, axes),
                 I32(static_cast<int64_t>(axis)),
                 I32(static_cast<int64_t>(x.rank() - axis)),
                 I32(plain),
                 positions(n),
                 positions(rows),
                 RealArg(x.dtype, epsilon_),
                 I32(centred_),
                 I32(has_shift)};
    SetRows(&call, plan.traits(), rows);
    plan.Launch(std::move(call));
  }

 private:
  const int64_t axis_;
  const double epsilon_;
  const bool centred_;
};

sdk::Claim ClaimAllReal(const sdk::NodeView& node, const Traits& traits) {
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (node.HasInput(i) && !IsReal(node.input(i).dtype(), traits)) {
      return sdk::Claim::No(MS_REASON_DTYPE);
    }
  }
  return ClaimReal(node, traits);
}

}  // namespace

void SetRows(Call* call, const Traits& traits, int64_t rows) {
  SetItems(call, rows);
  if (traits.tiles) return;
  call->global[0] = static_cast<size_t>(rows) * call->local[0];
  call->fixed_local = true;
}

void AddRowOps(OpList* list) {
  for (std::string_view op : {"LayerNormalization", "RMSNormalization"}) {
    list->push_back(Entry<NormalizeRows>(kOnnx, op, ClaimAllReal));
  }
}

}  // namespace midstream::opencl
