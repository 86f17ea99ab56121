// Running sums and products, ranks, and tensors made from a few parameters.
#include <algorithm>
#include <cstring>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

class Cumulate final : public Kernel {
 public:
  explicit Cumulate(const sdk::NodeView& node)
      : product_(node.op() == "CumProd"),
        exclusive_(node.Int("exclusive", 0) != 0),
        reverse_(node.Int("reverse", 0) != 0) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    const size_t along = NormalAxis(KnownInts(plan, 1).at(0), x.rank());
    const int64_t inner = sdk::Count(std::span(x.shape).subspan(along + 1));
    const int64_t lines = x.count() == 0 ? 0 : x.count() / x.dim(along);
    const Positions positions(x.count());
    Call call{"running", "cumulate", DefineType("TX", x.dtype) + positions.defines()};
    call.args = {x,
                 plan.out(0),
                 positions(x.dim(along)),
                 positions(inner),
                 positions(lines),
                 I32(product_),
                 I32(exclusive_),
                 I32(reverse_)};
    SetItems(&call, lines);
    plan.Launch(std::move(call));
  }

 private:
  const bool product_, exclusive_, reverse_;
};

class TopK final : public Kernel {
 public:
  explicit TopK(const sdk::NodeView& node)
      : axis_(node.Int("axis", -1)), largest_(node.Int("largest", 1) != 0) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    const size_t along = NormalAxis(axis_, x.rank());
    const int64_t inner = sdk::Count(std::span(x.shape).subspan(along + 1));
    const int64_t lines = y.count() == 0 ? 0 : x.count() / x.dim(along);
    const Positions positions(x.count());
    Call call{"running", "top", DefineType("TX", x.dtype) + positions.defines()};
    call.args = {x,
                 y,
                 plan.out(1),
                 positions(x.dim(along)),
                 positions(inner),
                 positions(y.dim(along)),
                 positions(lines),
                 I32(largest_)};
    SetItems(&call, lines);
    plan.Launch(std::move(call));
  }

 private:
  const int64_t axis_;
  const bool largest_;
};

class Range final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand& y = plan.out(0);
    Call call{"running", "range", DefineType("TX", y.dtype)};
    call.args = {plan.in(0), plan.in(2), y, I64(y.count())};
    SetElements(&call, plan.traits(), y.count());
    plan.Launch(std::move(call));
  }
};

uint64_t RealBits(ms_dtype dtype, double value) {
  if (IsF64(dtype)) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  }
  const auto single = static_cast<float>(value);
  uint32_t bits = 0;
  std::memcpy(&bits, &single, sizeof bits);
  return bits;
}

// A value for 16-bit floats is rounded on the device.
class ConstantOfShape final : public Kernel {
 public:
  explicit ConstantOfShape(const sdk::NodeView& node)
      : whole_(node.Int("value", 0)), real_(node.Float("value", static_cast<double>(whole_))) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& y = plan.out(0);
    if (IsFloatStorage(y.dtype) && y.dtype.bits == 16) {
      const auto value = static_cast<float>(real_);
      Call call{"cast", "fill_cast", DefineType("TX", sdk::kF32) + DefineType("TY", y.dtype)};
      call.args = {plan.Constant(sdk::kF32, {}, &value), y, I64(y.count())};
      SetElements(&call, plan.traits(), y.count());
      return plan.Launch(std::move(call));
    }
    Call call{"copy", "fill", DefineType("TX", AsBits(y).dtype)};
    call.args = {AsBits(y), I64(y.count()), I64(static_cast<int64_t>(Bits(y.dtype)))};
    SetElements(&call, plan.traits(), y.count());
    plan.Launch(std::move(call));
  }

 private:
  uint64_t Bits(ms_dtype dtype) const {
    if (IsFloatStorage(dtype) || IsF64(dtype)) return RealBits(dtype, real_);
    const int64_t value = whole_ != 0 ? whole_ : Saturated(real_);
    return IsBool(dtype) ? value != 0 : static_cast<uint64_t>(value);
  }
  static int64_t Saturated(double value) {
    if (value != value) return 0;
    if (value >= 0x1p63) return INT64_MAX;
    return value <= -0x1p63 ? INT64_MIN : static_cast<int64_t>(value);
  }

  const int64_t whole_;
  const double real_;
};

sdk::Claim ClaimCumulate(const sdk::NodeView& node, const Traits& traits) {
  return IsKnownLater(node, 1) ? ClaimNumber(node, traits) : sdk::Claim::No(MS_REASON_SHAPE);
}
sdk::Claim ClaimOutput(const sdk::NodeView& node, const Traits&) {
  const ms_dtype dtype = node.output(0).dtype();
  return IsElement(dtype) ? sdk::Claim::Yes(dtype, dtype) : sdk::Claim::No(MS_REASON_DTYPE);
}

}  // namespace

void AddRunningOps(OpList* list) {
  list->push_back(Entry<ConstantOfShape>(kOnnx, "ConstantOfShape", ClaimOutput));
  list->push_back(Entry<Cumulate>(kMidstream, "CumProd", ClaimCumulate));
  list->push_back(Entry<Cumulate>(kOnnx, "CumSum", ClaimCumulate));
  list->push_back(Entry<Range>(kOnnx, "Range", ClaimNumber));
  list->push_back(Entry<TopK>(kOnnx, "TopK", ClaimNumber));
}

}  // namespace midstream::opencl
