// Operators that pick or place elements by index tensors.
#include <algorithm>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

int64_t Pieces(const Traits& traits, int64_t n) {
  return (n + SpanOf(traits) - 1) / SpanOf(traits);
}

class Gather final : public Kernel {
 public:
  explicit Gather(const sdk::NodeView& node) : axis_(node.Int("axis", 0)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &indices = plan.in(1), &y = plan.out(0);
    if (y.count() == 0) return;
    const size_t along = NormalAxis(axis_, x.rank());
    const int64_t run = sdk::Count(std::span(x.shape).subspan(along + 1));
    const int64_t pieces = Pieces(plan.traits(), run), items = y.count() / run * pieces;
    const Positions positions(std::max({x.count(), y.count(), items}) + SpanOf(plan.traits()));
    Call call{
        "indexing", "gather",
        DefineType("TX", AsBits(x).dtype) + DefineType("TI", indices.dtype) + positions.defines()};
    call.args = {AsBits(x),
                 indices,
                 AsBits(y),
                 positions(x.dim(along)),
                 positions(indices.count()),
                 positions(run),
                 positions(pieces),
                 positions(items)};
    SetItems(&call, items);
    plan.Launch(std::move(call));
  }

 private:
  const int64_t axis_;
};

// Sizes and steps of the axes that index tuples name, from axis `first` of x on.
std::vector<int64_t> TupleAxes(const Operand& x, size_t first, int64_t depth) {
  const std::vector<int64_t> steps = RowMajor(x.shape);
  std::vector<int64_t> table;
  for (size_t k = first; k < first + static_cast<size_t>(depth); ++k) {
    table.push_back(x.dim(k));
    table.push_back(steps[k]);
  }
  return table;
}

class GatherND final : public Kernel {
 public:
  explicit GatherND(const sdk::NodeView& node)
      : batch_(static_cast<size_t>(node.Int("batch_dims", 0))) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &indices = plan.in(1), &y = plan.out(0);
    if (y.count() == 0) return;
    const std::span<const int64_t> shape(x.shape);
    const int64_t depth = indices.shape.back();
    const int64_t run = sdk::Count(shape.subspan(batch_ + static_cast<size_t>(depth)));
    const int64_t rows = y.count() / run;
    const int64_t pieces = Pieces(plan.traits(), run), items = rows * pieces;
    const Positions positions(std::max({x.count(), y.count(), indices.count(), items}) +
                              SpanOf(plan.traits()));
    Call call{
        "indexing", "gather_nd",
        DefineType("TX", AsBits(x).dtype) + DefineType("TI", indices.dtype) + positions.defines()};
    call.args = {AsBits(x),
                 indices,
                 AsBits(y),
                 positions.Table(plan, TupleAxes(x, batch_, depth)),
                 I32(depth),
                 positions(rows / sdk::Count(shape.first(batch_))),
                 positions(sdk::Count(shape.subspan(batch_))),
                 positions(run),
                 positions(pieces),
                 positions(items)};
    SetItems(&call, items);
    plan.Launch(std::move(call));
  }

 private:
  const size_t batch_;
};

class ScatterND final : public Kernel {
 public:
  explicit ScatterND(const sdk::NodeView& node) : mode_(ModeOf(node)) {}
  // Numbered as in indexing.cl; -1: unknown.
  static int ModeOf(const sdk::NodeView& node) {
    const std::string name = node.String("reduction", "none");
    constexpr std::string_view kNames[] = {"none", "add", "mul", "max", "min"};
    const auto it = std::ranges::find(kNames, name);
    return it == std::end(kNames) ? -1 : static_cast<int>(it - kNames);
  }
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &indices = plan.in(1), &y = plan.out(0);
    plan.Copy(x, y);
    const bool moves = mode_ == 0;
    const Operand updates = moves ? AsBits(plan.in(2)) : plan.in(2);
    const int64_t depth = indices.shape.back();
    const int64_t run = sdk::Count(std::span(x.shape).subspan(static_cast<size_t>(depth)));
    const int64_t rows = sdk::Count(std::span(indices.shape).first(indices.rank() - 1));
    const Positions positions(std::max({x.count(), indices.count(), rows * run}));
    Call call{
        "indexing", "scatter_nd",
        DefineType("TX", updates.dtype) + DefineType("TI", indices.dtype) + positions.defines()};
    call.args = {indices,
                 updates,
                 moves ? AsBits(y) : y,
                 positions.Table(plan, TupleAxes(x, 0, depth)),
                 I32(depth),
                 positions(rows),
                 positions(run),
                 I32(mode_)};
    SetItems(&call, x.count() == 0 ? 0 : run);
    plan.Launch(std::move(call));
  }

 private:
  const int mode_;
};

class ReverseSequence final : public Kernel {
 public:
  explicit ReverseSequence(const sdk::NodeView& node)
      : batch_axis_(node.Int("batch_axis", 1)), time_axis_(node.Int("time_axis", 0)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    if (x.count() == 0) return;
    const size_t batch = NormalAxis(batch_axis_, x.rank()), time = NormalAxis(time_axis_, x.rank());
    const std::vector<int64_t> steps = RowMajor(x.shape);
    const Positions positions(x.count() + SpanOf(plan.traits()));
    Call call{
        "indexing", "reverse_sequence",
        DefineType("TX", AsBits(x).dtype) + DefineType("TI", sdk::kI64) + positions.defines()};
    call.args = {AsBits(x),
                 plan.in(1),
                 AsBits(plan.out(0)),
                 positions(x.dim(batch)),
                 positions(steps[batch]),
                 positions(x.dim(time)),
                 positions(steps[time]),
                 positions(x.count())};
    SetElements(&call, plan.traits(), x.count());
    plan.Launch(std::move(call));
  }

 private:
  const int64_t batch_axis_, time_axis_;
};

class OneHot final : public Kernel {
 public:
  explicit OneHot(const sdk::NodeView& node) : axis_(node.Int("axis", -1)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand &indices = plan.in(0), &values = plan.in(2), &y = plan.out(0);
    const size_t along = NormalAxis(axis_, y.rank());
    const Positions positions(y.count() + SpanOf(plan.traits()));
    Call call{"indexing", "one_hot",
              DefineType("TX", AsBits(values).dtype) + DefineType("TI", indices.dtype) +
                  positions.defines()};
    call.args = {indices,
                 AsBits(values),
                 AsBits(y),
                 positions(y.dim(along)),
                 positions(sdk::Count(std::span(y.shape).subspan(along + 1))),
                 positions(y.count())};
    SetElements(&call, plan.traits(), y.count());
    plan.Launch(std::move(call));
  }

 private:
  const int64_t axis_;
};

bool IsIndex(ms_dtype dtype) { return sdk::Same(dtype, sdk::kI32) || sdk::Same(dtype, sdk::kI64); }

template <bool (*kIsIndex)(ms_dtype)>
sdk::Claim ClaimByIndex(const sdk::NodeView& node, const Traits& traits) {
  return kIsIndex(node.input(1).dtype()) ? ClaimElement(node, traits)
                                         : sdk::Claim::No(MS_REASON_DTYPE);
}
bool IsI64(ms_dtype dtype) { return sdk::Same(dtype, sdk::kI64); }

// Sums of 16-bit floats would be rounded after each update.
sdk::Claim ClaimScatter(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype dtype = node.input(0).dtype();
  const int mode = ScatterND::ModeOf(node);
  if (mode < 0) return sdk::Claim::No(MS_REASON_ATTRIBUTE);
  if (!IsI64(node.input(1).dtype())) return sdk::Claim::No(MS_REASON_DTYPE);
  if (mode == 0) return ClaimElement(node, traits);
  const bool rounds = IsFloatStorage(dtype) && dtype.bits == 16;
  return rounds ? sdk::Claim::No(MS_REASON_DTYPE) : ClaimNumber(node, traits);
}

sdk::Claim ClaimOneHot(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype indices = node.input(0).dtype(), values = node.input(2).dtype();
  const bool mine = (IsReal(indices, traits) || IsInteger(indices)) && IsElement(values);
  return mine ? sdk::Claim::Yes(values, values) : sdk::Claim::No(MS_REASON_DTYPE);
}

}  // namespace

void AddIndexingOps(OpList* list) {
  list->push_back(Entry<Gather>(kOnnx, "Gather", ClaimByIndex<IsIndex>));
  list->push_back(Entry<GatherND>(kOnnx, "GatherND", ClaimByIndex<IsI64>));
  list->push_back(Entry<OneHot>(kOnnx, "OneHot", ClaimOneHot));
  list->push_back(Entry<ReverseSequence>(kOnnx, "ReverseSequence", ClaimByIndex<IsI64>));
  list->push_back(Entry<ScatterND>(kOnnx, "ScatterND", ClaimScatter));
}

}  // namespace midstream::opencl
