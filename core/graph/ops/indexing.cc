// Operators that pick or place elements by computed positions (GatherND, ScatterND, TopK,
// ReverseSequence), and running sums and products along an axis.
#include <algorithm>

#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

Status LikeInput(InferContext& context, DTypeSet allowed) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, allowed));
  context.output().dtype = context.dtype(0);
  context.output().shape = context.shape(0);
  return OkStatus();
}

Status CheckInt64(const InferContext& context, size_t input) {
  if (context.dtype(input) == DType::kI64) return OkStatus();
  return context.Error("expected input " + std::to_string(input) + " to be int64, got " +
                       std::string(DTypeName(context.dtype(input))));
}

Status GatherND(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context, kAny));
  MS_RETURN_IF_ERROR(CheckInt64(context, 1));
  const Shape x = context.shape(0), indices = context.shape(1);
  context.output().shape = Shape::UnknownRank();
  MS_RETURN_IF_ERROR(CheckMinRank(context, 1, 1));
  if (!x.rank_known() || !indices.rank_known()) return OkStatus();
  int64_t batch = context.node().Int("batch_dims", 0);
  auto most = static_cast<int64_t>(std::min(x.rank(), indices.rank() - 1));
  if (batch < 0 || batch > most) {
    return context.Error("expected batch_dims in [0," + std::to_string(most) + "], got " +
                         std::to_string(batch));
  }
  int64_t depth = indices[indices.rank() - 1];
  if (depth < 0) return OkStatus();
  if (batch + depth > static_cast<int64_t>(x.rank())) {
    return context.Error("expected indices of at most " + std::to_string(x.rank()) + " axes for " +
                         x.ToString() + ", got " + indices.ToString());
  }
  std::vector<int64_t> out;
  for (size_t i = 0; i + 1 < indices.rank(); ++i) {
    out.push_back(indices[i]);
    if (i >= static_cast<size_t>(batch)) continue;
    MS_ASSIGN_OR_RETURN(out.back(), SameDim(context, "batch sizes", x[i], indices[i]));
  }
  out.insert(out.end(), x.dims().begin() + batch + depth, x.dims().end());
  context.output().shape = Shape(std::move(out));
  return OkStatus();
}

Status ScatterND(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context, kAny));
  MS_RETURN_IF_ERROR(CheckInt64(context, 1));
  MS_RETURN_IF_ERROR(CheckSameDType(context, 0, 2));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 1, 1));
  std::string reduction = context.node().String("reduction", "none");
  if (reduction != "none" && reduction != "add" && reduction != "mul" && reduction != "max" &&
      reduction != "min") {
    return context.Error("expected reduction none, add, mul, max or min, got '" + reduction + "'");
  }
  if (reduction != "none" && context.dtype(0) == DType::kBool) {
    return context.Error("expected numbers for reduction " + reduction + ", got bool");
  }
  const Shape &x = context.shape(0), &indices = context.shape(1), &updates = context.shape(2);
  if (!x.rank_known() || !indices.rank_known() || !updates.rank_known()) return OkStatus();
  int64_t depth = indices[indices.rank() - 1];
  if (depth < 0) return OkStatus();
  if (depth > static_cast<int64_t>(x.rank())) {
    return context.Error("expected indices of at most " + std::to_string(x.rank()) + " axes for " +
                         x.ToString() + ", got " + indices.ToString());
  }
  std::vector<int64_t> want(indices.dims().begin(), indices.dims().end() - 1);
  want.insert(want.end(), x.dims().begin() + depth, x.dims().end());
  if (want.size() == updates.rank() && Shape(want).Accepts(updates)) return OkStatus();
  bool open = !Shape(want).IsFullyKnown() || !updates.IsFullyKnown();
  if (want.size() == updates.rank() && open) return OkStatus();
  return context.Error("expected updates " + Shape(want).ToString() + ", got " +
                       updates.ToString());
}

Status TopK(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context, kNumeric));
  MS_RETURN_IF_ERROR(CheckInt64(context, 1));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 1));
  MS_ASSIGN_OR_RETURN(auto count, KnownInts(context, 1));
  if (count && count->size() != 1) return context.Error("expected one K, got " + ToText(*count));
  Shape& out = context.output().shape;
  if (out.rank_known()) {
    MS_ASSIGN_OR_RETURN(size_t axis,
                        NormalizeAxis(context, context.node().Int("axis", -1), out.rank()));
    int64_t size = out[axis];
    out.mutable_dims()[axis] = count ? (*count)[0] : kUnknownDim;
    if (count && ((*count)[0] < 0 || (size >= 0 && (*count)[0] > size))) {
      return context.Error("expected K in [0," + std::to_string(size) + "], got " +
                           std::to_string((*count)[0]));
    }
  }
  context.output(1).dtype = DType::kI64;
  context.output(1).shape = out;
  return OkStatus();
}

Status ReverseSequence(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context, kAny));
  MS_RETURN_IF_ERROR(CheckInt64(context, 1));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 2));
  MS_RETURN_IF_ERROR(CheckRank(context, 1, 1));
  const Shape& x = context.shape(0);
  if (!x.rank_known()) return OkStatus();
  MS_ASSIGN_OR_RETURN(size_t batch,
                      NormalizeAxis(context, context.node().Int("batch_axis", 1), x.rank()));
  MS_ASSIGN_OR_RETURN(size_t time,
                      NormalizeAxis(context, context.node().Int("time_axis", 0), x.rank()));
  if (batch == time) return context.Error("expected two axes, got the same for batch and time");
  if (!context.shape(1).rank_known()) return OkStatus();
  return SameDim(context, "batch sizes", x[batch], context.shape(1)[0]).status();
}

Status Cumulate(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context, kNumeric));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 1));
  MS_RETURN_IF_ERROR(CheckRank(context, 1, 0));
  MS_ASSIGN_OR_RETURN(auto axis, KnownInts(context, 1));
  const Shape& x = context.shape(0);
  if (!axis || !x.rank_known()) return OkStatus();
  return NormalizeAxis(context, (*axis)[0], x.rank()).status();
}

}  // namespace

void AddIndexingSchemas(std::vector<OpSchema>* table) {
  table->push_back({kOnnxDomain, "GatherND", 2, 2, 1, 1, GatherND});
  table->push_back({kOnnxDomain, "ScatterND", 3, 3, 1, 1, ScatterND});
  table->push_back({kOnnxDomain, "TopK", 2, 2, 2, 2, TopK});
  table->push_back({kOnnxDomain, "ReverseSequence", 2, 2, 1, 1, ReverseSequence});
  table->push_back({kOnnxDomain, "CumSum", 2, 2, 1, 1, Cumulate});
  table->push_back({kMidstreamDomain, "CumProd", 2, 2, 1, 1, Cumulate});
}

}  // namespace midstream::infer
