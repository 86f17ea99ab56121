// Operators that copy elements to other places without looking at values on the device: every one
// is a walk along two strided tensors, or a plain copy of bytes.
#include <algorithm>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

// y[at] = x[at] along axes whose steps are {in y, in x}.
void CopyAlong(PlanBuilder& plan, const Operand& x, const Operand& y,
               const std::vector<WalkAxis>& axes) {
  int64_t count = 1;
  for (const WalkAxis& axis : axes) count *= axis.size;
  if (count == 0) return;
  const Walk walk(axes, 2);
  if (walk.IsPlainCopy()) {
    Operand from = x, to = y;
    from.shape = to.shape = {count};
    return plan.Copy(from, to);
  }
  Call call{"copy", "copy", DefineType("TX", AsBits(x).dtype)};
  call.args = {AsBits(x), AsBits(y), walk.positions()(walk.row_step(0)),
               walk.positions()(walk.row_step(1))};
  walk.Finish(plan, &call);
  plan.Launch(std::move(call));
}

// The whole of `y`, whose elements stand in x as `steps` tell.
void Gathered(PlanBuilder& plan, const Operand& x, const Operand& y,
              const std::vector<int64_t>& steps) {
  const std::vector<int64_t> own = RowMajor(y.shape);
  std::vector<WalkAxis> axes;
  for (size_t i = 0; i < y.rank(); ++i) axes.push_back({y.dim(i), {own[i], steps[i]}});
  CopyAlong(plan, x, y, axes);
}

class Transpose final : public Kernel {
 public:
  explicit Transpose(const sdk::NodeView& node) : perm_(node.Ints("perm")) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    const std::vector<int64_t> own = RowMajor(x.shape);
    std::vector<int64_t> steps(x.rank());
    for (size_t i = 0; i < x.rank(); ++i) {
      steps[i] = own[perm_.empty() ? x.rank() - 1 - i : static_cast<size_t>(perm_[i])];
    }
    Gathered(plan, x, plan.out(0), steps);
  }

 private:
  const std::vector<int64_t> perm_;
};

class Expand final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    Gathered(plan, x, y, BroadcastSteps(x.shape, y.shape));
  }
};

class Tile final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    const std::vector<int64_t> from = RowMajor(x.shape), to = RowMajor(y.shape);
    std::vector<WalkAxis> axes;
    for (size_t i = 0; i < x.rank(); ++i) {
      if (x.dim(i) == 0) return;
      axes.push_back({y.dim(i) / x.dim(i), {to[i] * x.dim(i), 0}});
      axes.push_back({x.dim(i), {to[i], from[i]}});
    }
    CopyAlong(plan, x, y, axes);
  }
};

// The axis as seen from the parts: what lies before it and behind it is one axis each.
struct Sides {
  Sides(std::span<const int64_t> shape, size_t along)
      : outer(sdk::Count(shape.first(along))), inner(sdk::Count(shape.subspan(along + 1))) {}
  int64_t outer;
  int64_t inner;
};

class Concat final : public Kernel {
 public:
  explicit Concat(const sdk::NodeView& node)
      : axis_(node.Int("axis", 0)), n_(static_cast<uint32_t>(node.inputs().size())) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& y = plan.out(0);
    const size_t along = NormalAxis(axis_, y.rank());
    const Sides sides(y.shape, along);
    int64_t start = 0;
    for (uint32_t k = 0; k < n_; ++k) {
      const Operand& x = plan.in(k);
      const int64_t run = x.dim(along) * sides.inner;
      CopyAlong(plan, x, From(y, start),
                {{sides.outer, {y.dim(along) * sides.inner, run}}, {run, {1, 1}}});
      start += run;
    }
  }

 private:
  const int64_t axis_;
  const uint32_t n_;
};

class Split final : public Kernel {
 public:
  explicit Split(const sdk::NodeView& node)
      : axis_(node.Int("axis", 0)), n_(static_cast<uint32_t>(node.outputs().size())) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    const size_t along = NormalAxis(axis_, x.rank());
    const Sides sides(x.shape, along);
    int64_t start = 0;
    for (uint32_t k = 0; k < n_; ++k) {
      const Operand& y = plan.out(k);
      const int64_t run = y.dim(along) * sides.inner;
      CopyAlong(plan, From(x, start), y,
                {{sides.outer, {run, x.dim(along) * sides.inner}}, {run, {1, 1}}});
      start += run;
    }
  }

 private:
  const int64_t axis_;
  const uint32_t n_;
};

// First element of a slice along an axis of `size`.
int64_t SliceStart(int64_t start, int64_t size, int64_t step) {
  if (start < 0) start += size;
  return std::clamp<int64_t>(start, 0, step > 0 ? size : size - 1);
}

class Slice final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    if (y.count() == 0) return;
    const std::vector<int64_t> starts = KnownInts(plan, 1);
    std::vector<int64_t> axes, strides;
    if (plan.HasInput(3)) axes = KnownInts(plan, 3);
    if (plan.HasInput(4)) strides = KnownInts(plan, 4);
    std::vector<int64_t> steps = RowMajor(x.shape);
    int64_t first = 0;
    for (size_t i = 0; i < starts.size(); ++i) {
      const size_t axis = axes.empty() ? i : NormalAxis(axes[i], x.rank());
      const int64_t step = strides.empty() ? 1 : strides[i];
      first += SliceStart(starts[i], x.dim(axis), step) * steps[axis];
      // An axis of which one element is left makes no step, however large.
      steps[axis] = y.dim(axis) > 1 ? steps[axis] * step : 0;
    }
    Gathered(plan, From(x, first), y, steps);
  }
};

class Pad final : public Kernel {
 public:
  explicit Pad(const sdk::NodeView& node) {
    const std::string mode = node.String("mode", "constant");
    mode_ = mode == "reflect" ? 1 : mode == "edge" ? 2 : 0;
  }
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    if (y.rank() == 0) return plan.Copy(x, y);
    const std::vector<int64_t> table = Axes(plan);
    const int64_t length = y.shape.back(), span = SpanOf(plan.traits());
    // pad.cl reflects at twice the size of an axis.
    const Positions positions(std::max(2 * x.count(), y.count()) + span);
    const int64_t pieces = (length + span - 1) / span;
    const int64_t items = length == 0 ? 0 : y.count() / length * pieces;
    const bool has_value = plan.HasInput(2);
    Call call{"copy", "pad", DefineType("TX", AsBits(x).dtype) + positions.defines()};
    call.args = {AsBits(x),
                 AsBits(has_value ? plan.in(2) : x),
                 AsBits(y),
                 positions.Table(plan, table),
                 I32(static_cast<int64_t>(y.rank())),
                 I32(mode_),
                 I32(has_value),
                 positions(length),
                 positions(pieces),
                 positions(items)};
    SetItems(&call, items);
    plan.Launch(std::move(call));
  }

 private:
  static std::vector<int64_t> Axes(const PlanBuilder& plan) {
    const Operand &x = plan.in(0), &y = plan.out(0);
    const std::vector<int64_t> pads = KnownInts(plan, 1);
    std::vector<int64_t> axes, begin(x.rank(), 0);
    if (plan.HasInput(3)) axes = KnownInts(plan, 3);
    for (size_t i = 0; i < pads.size() / 2; ++i) {
      begin[axes.empty() ? i : NormalAxis(axes[i], x.rank())] = pads[i];
    }
    const std::vector<int64_t> steps = RowMajor(x.shape);
    std::vector<int64_t> table;
    for (size_t i = 0; i < x.rank(); ++i) {
      table.insert(table.end(), {y.dim(i), begin[i], x.dim(i), steps[i]});
    }
    return table;
  }
  int mode_;
};

template <uint32_t... kInputs>
sdk::Claim ClaimWithKnown(const sdk::NodeView& node, const Traits& traits) {
  if (!(IsKnownLater(node, kInputs) && ...)) return sdk::Claim::No(MS_REASON_SHAPE);
  return ClaimElement(node, traits);
}

}  // namespace

void AddMovementOps(OpList* list) {
  list->push_back(Entry<Concat>(kOnnx, "Concat", ClaimElement));
  list->push_back(Entry<Expand>(kOnnx, "Expand", ClaimElement));
  list->push_back(Entry<Pad>(kOnnx, "Pad", ClaimWithKnown<1, 3>));
  list->push_back(Entry<Slice>(kOnnx, "Slice", ClaimWithKnown<1, 3, 4>));
  list->push_back(Entry<Split>(kOnnx, "Split", ClaimElement));
  list->push_back(Entry<Tile>(kOnnx, "Tile", ClaimElement));
  list->push_back(Entry<Transpose>(kOnnx, "Transpose", ClaimElement));
}

}  // namespace midstream::opencl
