// Reductions over axes.
#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

Shape Reduced(const Shape& x, const std::vector<bool>& reduced, bool keepdims) {
  std::vector<int64_t> out;
  for (size_t i = 0; i < x.rank(); ++i) {
    if (!reduced[i]) {
      out.push_back(x[i]);
    } else if (keepdims) {
      out.push_back(1);
    }
  }
  return Shape(std::move(out));
}

// The axes come as input 1 (since operator set 18); none means all, or nothing at all when
// noop_with_empty_axes is set.
Status Reduce(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kNumeric));
  context.output().dtype = context.dtype(0);
  const Shape& x = context.shape(0);
  bool keepdims = context.node().Int("keepdims", 1) != 0;
  MS_ASSIGN_OR_RETURN(auto axes, KnownInts(context, 1));
  if (!x.rank_known()) return OkStatus();
  bool empty = !context.HasInput(1) || VectorLength(context, 1) == 0;
  if (empty && context.node().Int("noop_with_empty_axes", 0) != 0) {
    context.output().shape = x;
  } else if (empty) {
    context.output().shape = Reduced(x, std::vector<bool>(x.rank(), true), keepdims);
  } else if (axes.has_value()) {
    MS_ASSIGN_OR_RETURN(std::vector<bool> reduced, MarkAxes(context, *axes, x.rank()));
    context.output().shape = Reduced(x, reduced, keepdims);
  } else if (keepdims) {
    context.output().shape = Shape(std::vector<int64_t>(x.rank(), kUnknownDim));
  }
  return OkStatus();
}

Status ArgReduce(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kNumeric));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 1));
  context.output().dtype = DType::kI64;
  const Shape& x = context.shape(0);
  if (!x.rank_known()) return OkStatus();
  MS_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(context, context.node().Int("axis", 0), x.rank()));
  if (x[axis] == 0) {
    return context.Error("expected an axis of at least one element, got axis " +
                         std::to_string(axis) + " of " + x.ToString());
  }
  std::vector<bool> reduced(x.rank(), false);
  reduced[axis] = true;
  context.output().shape = Reduced(x, reduced, context.node().Int("keepdims", 1) != 0);
  return OkStatus();
}

}  // namespace

void AddReduceSchemas(std::vector<OpSchema>* table) {
  for (std::string_view name :
       {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"}) {
    table->push_back({kOnnxDomain, name, 1, 2, 1, 1, Reduce});
  }
  table->push_back({kOnnxDomain, "ArgMax", 1, 1, 1, 1, ArgReduce});
  table->push_back({kOnnxDomain, "ArgMin", 1, 1, 1, 1, ArgReduce});
}

}  // namespace midstream::infer
