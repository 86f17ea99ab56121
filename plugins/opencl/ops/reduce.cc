// Reductions over any axes, global pooling among them.
//
// Neighbouring axes that are reduced together are one; each such group is folded by a pass over
// [outer, depth, inner], the last one first. A long depth is folded in parts of a fixed length, and
// then the parts: how a sum is split depends on its length alone.
#include "ops/reduce.h"

#include <limits>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

constexpr int64_t kRowPart = 4096;
constexpr int64_t kColumnPart = 1024;

// The dtype of sums between passes.
ms_dtype SumDType(ms_dtype dtype) {
  if (IsInteger(dtype)) return {dtype.code, 64, 1};
  return ComputeDType(dtype);
}

const char* KernelName(Fold fold) {
  switch (fold) {
    case Fold::kProd:
      return "reduce_prod";
    case Fold::kMax:
      return "reduce_max";
    case Fold::kMin:
      return "reduce_min";
    default:
      return "reduce_sum";
  }
}

int64_t IntegerStart(Fold fold, ms_dtype dtype) {
  if (fold != Fold::kMax && fold != Fold::kMin) return fold == Fold::kProd ? 1 : 0;
  const bool is_signed = dtype.code == MS_DTYPE_INT;
  const int64_t lowest = is_signed ? -(int64_t{1} << (dtype.bits - 2)) * 2 : 0;
  if (fold == Fold::kMax) return lowest;
  return is_signed ? -(lowest + 1) : static_cast<int64_t>(~uint64_t{0} >> (64 - dtype.bits));
}

// What a fold begins with; what is left when there is nothing to fold.
Arg StartArg(Fold fold, ms_dtype dtype) {
  if (IsInteger(dtype)) return I64(IntegerStart(fold, dtype));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double start = fold == Fold::kProd  ? 1
                       : fold == Fold::kMax ? -kInfinity
                       : fold == Fold::kMin ? kInfinity
                                            : 0;
  return RealArg(dtype, start);
}

struct Extents {
  int64_t outer;
  int64_t depth;
  int64_t inner;
};

// One pass. divisor: of the result, or -1.
void LaunchPass(PlanBuilder& plan, Fold fold, ms_dtype dtype, const Operand& in, const Operand& out,
                const Extents& e, int64_t part, int64_t divisor) {
  const bool rows = e.inner == 1;
  const int64_t parts = std::max<int64_t>((e.depth + part - 1) / part, 1);
  const int64_t columns = plan.traits().tiles ? 16 : 1;  // COLUMNS of reduce.cl
  const int64_t items = e.outer * parts * (rows ? 1 : (e.inner + columns - 1) / columns);
  const Positions positions(std::max(in.count(), out.count()));
  Call call{"reduce", std::string(KernelName(fold)) + (rows ? "_rows" : "_columns"),
            DefineType("TX", in.dtype) + DefineType("TY", out.dtype) + positions.defines()};
  call.args = {in,
               out,
               StartArg(fold, dtype),
               positions(e.depth),
               positions(e.inner),
               positions(part),
               positions(parts),
               positions(items),
               I64(divisor)};
  SetItems(&call, items);
  if (rows && !plan.traits().tiles) {  // a work-group for each
    call.global[0] = static_cast<size_t>(items) * call.local[0];
    call.fixed_local = true;
  }
  plan.Launch(std::move(call));
}

// Folds the depth; in parts first where it is long. `dtype` is that of the data.
void FoldDepth(PlanBuilder& plan, Fold fold, ms_dtype dtype, Operand in, const Operand& out,
               Extents e, int64_t divisor) {
  const int64_t part = e.inner == 1 ? kRowPart : kColumnPart;
  while (e.depth > part) {
    const int64_t parts = (e.depth + part - 1) / part;
    const Operand sums = plan.Scratch(SumDType(dtype), {e.outer, parts, e.inner});
    LaunchPass(plan, fold, dtype, in, sums, e, part, -1);
    in = sums;
    e.depth = parts;
  }
  LaunchPass(plan, fold, dtype, in, out, e, part, divisor);
}

struct Group {
  int64_t size;
  bool reduced;
};

std::vector<Group> GroupAxes(std::span<const int64_t> shape, const std::vector<bool>& reduced) {
  std::vector<Group> groups;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    if (!groups.empty() && groups.back().reduced == reduced[i]) {
      groups.back().size *= shape[i];
    } else {
      groups.push_back({shape[i], reduced[i]});
    }
  }
  return groups;
}

int64_t SizeOf(std::span<const Group> groups) {
  int64_t size = 1;
  for (const Group& group : groups) size *= group.size;
  return size;
}

}  // namespace

void Reduce(PlanBuilder& plan, Fold fold, const Operand& in, const std::vector<bool>& reduced,
            const Operand& out) {
  std::vector<Group> groups = GroupAxes(in.shape, reduced);
  int64_t folded = 1, left = 0;
  for (const Group& group : groups) {
    if (!group.reduced) continue;
    folded *= group.size;
    ++left;
  }
  if (left == 0) {
    Operand to = out;
    to.shape = in.shape;
    return plan.Copy(in, to);
  }
  Operand from = in;
  for (size_t i = groups.size(); i-- > 0;) {
    if (!groups[i].reduced) continue;
    const std::span<const Group> all(groups);
    const Extents e{SizeOf(all.first(i)), groups[i].size, SizeOf(all.subspan(i + 1))};
    --left;
    const Operand to = left == 0 ? out : plan.Scratch(SumDType(in.dtype), {e.outer, 1, e.inner});
    FoldDepth(plan, fold, in.dtype, from, to, e, left == 0 && fold == Fold::kMean ? folded : -1);
    from = to;
    groups[i].size = 1;
  }
}

namespace {

class ReduceAxes final : public Kernel {
 public:
  explicit ReduceAxes(const sdk::NodeView& node)
      : fold_(FoldOf(node.op())), none_is_noop_(node.Int("noop_with_empty_axes", 0) != 0) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    std::vector<int64_t> axes;
    if (plan.HasInput(1)) axes = KnownInts(plan, 1);
    std::vector<bool> reduced(x.rank(), axes.empty() && !none_is_noop_);
    for (int64_t axis : axes) reduced[NormalAxis(axis, x.rank())] = true;
    Reduce(plan, fold_, x, reduced, plan.out(0));
  }

 private:
  static Fold FoldOf(std::string_view op) {
    return op == "ReduceSum"    ? Fold::kSum
           : op == "ReduceMean" ? Fold::kMean
           : op == "ReduceProd" ? Fold::kProd
           : op == "ReduceMax"  ? Fold::kMax
                                : Fold::kMin;
  }
  const Fold fold_;
  const bool none_is_noop_;
};

class GlobalPool final : public Kernel {
 public:
  explicit GlobalPool(const sdk::NodeView& node)
      : fold_(node.op() == "GlobalMaxPool" ? Fold::kMax : Fold::kMean),
        channels_last_(IsChannelsLast(node)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    std::vector<bool> reduced(x.rank(), true);
    reduced[0] = reduced[channels_last_ ? x.rank() - 1 : 1] = false;
    Reduce(plan, fold_, x, reduced, plan.out(0));
  }

 private:
  const Fold fold_;
  const bool channels_last_;
};

// Along the middle axis of [outer, depth, inner].
Extents Along(const Operand& x, int64_t axis) {
  const size_t along = NormalAxis(axis, x.rank());
  const std::span<const int64_t> shape(x.shape);
  return {sdk::Count(shape.first(along)), x.dim(along), sdk::Count(shape.subspan(along + 1))};
}

class ArgExtreme final : public Kernel {
 public:
  explicit ArgExtreme(const sdk::NodeView& node)
      : axis_(node.Int("axis", 0)),
        largest_(node.op() == "ArgMax"),
        last_(node.Int("select_last_index", 0) != 0) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    const Extents e = Along(x, axis_);
    const Positions positions(x.count());
    Call call{"extreme", "arg_extreme", DefineType("TX", x.dtype) + positions.defines()};
    call.args = {x,
                 plan.out(0),
                 positions(e.depth),
                 positions(e.inner),
                 positions(e.outer * e.inner),
                 I32(largest_),
                 I32(last_)};
    SetItems(&call, e.outer * e.inner);
    plan.Launch(std::move(call));
  }

 private:
  const int64_t axis_;
  const bool largest_, last_;
};

class Softmax final : public Kernel {
 public:
  explicit Softmax(const sdk::NodeView& node)
      : axis_(node.Int("axis", -1)), logarithm_(node.op() == "LogSoftmax") {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    const Extents e = Along(x, axis_);
    const bool rows = e.inner == 1;
    const int64_t items = x.count() == 0 ? 0 : e.outer * e.inner;
    const Positions positions(x.count());
    Call call{"softmax", rows ? "softmax_rows" : "softmax_lines",
              DefineType("TX", x.dtype) + positions.defines()};
    call.args = {
        x, plan.out(0), positions(e.depth), positions(e.inner), positions(items), I32(logarithm_)};
    SetItems(&call, items);
    if (rows && !plan.traits().tiles) {  // a work-group for each
      call.global[0] = static_cast<size_t>(items) * call.local[0];
      call.fixed_local = true;
    }
    plan.Launch(std::move(call));
  }

 private:
  const int64_t axis_;
  const bool logarithm_;
};

sdk::Claim ClaimReduce(const sdk::NodeView& node, const Traits& traits) {
  return IsKnownLater(node, 1) ? ClaimNumber(node, traits) : sdk::Claim::No(MS_REASON_SHAPE);
}

}  // namespace

void AddReduceOps(OpList* list) {
  for (std::string_view op : {"ReduceSum", "ReduceMean", "ReduceProd", "ReduceMax", "ReduceMin"}) {
    list->push_back(Entry<ReduceAxes>(kOnnx, op, ClaimReduce));
  }
  list->push_back(Entry<GlobalPool>(kOnnx, "GlobalAveragePool", ClaimReal));
  list->push_back(Entry<GlobalPool>(kOnnx, "GlobalMaxPool", ClaimReal));
  list->push_back(Entry<GlobalPool>(kMidstream, "GlobalAveragePool", ClaimReal));
  for (std::string_view op : {"ArgMax", "ArgMin"}) {
    list->push_back(Entry<ArgExtreme>(kOnnx, op, ClaimNumber));
  }
  for (std::string_view op : {"Softmax", "LogSoftmax"}) {
    list->push_back(Entry<Softmax>(kOnnx, op, ClaimReal));
  }
}

}  // namespace midstream::opencl
