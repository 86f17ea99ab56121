// Matrix products.
#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

// numpy's matmul: a vector on the left is a row, on the right a column, and its added dimension
// is dropped again; leading dimensions broadcast.
Result<Shape> MatMulShape(const InferContext& context) {
  const Shape& a = context.shape(0);
  const Shape& b = context.shape(1);
  if (!a.rank_known() || !b.rank_known()) return Shape::UnknownRank();
  std::vector<int64_t> left = a.dims();
  std::vector<int64_t> right = b.dims();
  if (a.rank() == 1) left.insert(left.begin(), 1);
  if (b.rank() == 1) right.push_back(1);
  auto inner = SameDim(context, "inner dimensions", left.back(), right[right.size() - 2]);
  if (!inner.ok()) return inner.status();
  Shape left_batch(std::vector<int64_t>(left.begin(), left.end() - 2));
  Shape right_batch(std::vector<int64_t>(right.begin(), right.end() - 2));
  MS_ASSIGN_OR_RETURN(Shape out, Broadcast(context, left_batch, right_batch));
  if (a.rank() > 1) out.mutable_dims().push_back(left[left.size() - 2]);
  if (b.rank() > 1) out.mutable_dims().push_back(right.back());
  return out;
}

Status MatMul(InferContext& context) {
  for (size_t i = 0; i < 2; ++i) {
    MS_RETURN_IF_ERROR(CheckDType(context, i, kNumeric));
    MS_RETURN_IF_ERROR(CheckMinRank(context, i, 1));
  }
  MS_RETURN_IF_ERROR(CheckSameDType(context, 0, 1));
  context.output().dtype = context.dtype(0);
  MS_ASSIGN_OR_RETURN(context.output().shape, MatMulShape(context));
  return OkStatus();
}

int64_t DimOf(const Shape& shape, size_t axis) {
  return shape.rank_known() ? shape[axis] : kUnknownDim;
}

Status Gemm(InferContext& context) {
  for (size_t i = 0; i < 2; ++i) {
    MS_RETURN_IF_ERROR(CheckDType(context, i, kNumeric));
    MS_RETURN_IF_ERROR(CheckSameDType(context, 0, i));
    MS_RETURN_IF_ERROR(CheckRank(context, i, 2));
  }
  size_t trans_a = context.node().Int("transA", 0) != 0 ? 1 : 0;
  size_t trans_b = context.node().Int("transB", 0) != 0 ? 1 : 0;
  auto inner = SameDim(context, "inner dimensions", DimOf(context.shape(0), 1 - trans_a),
                       DimOf(context.shape(1), trans_b));
  if (!inner.ok()) return inner.status();
  Shape out = {DimOf(context.shape(0), trans_a), DimOf(context.shape(1), 1 - trans_b)};
  if (context.HasInput(2)) {
    MS_RETURN_IF_ERROR(CheckSameDType(context, 0, 2));
    MS_ASSIGN_OR_RETURN(Shape all, Broadcast(context, out, context.shape(2)));
    bool longer = all.rank_known() && all.rank() > 2;
    if (longer || (out.IsFullyKnown() && all.IsFullyKnown() && all != out)) {
      return context.Error("expected C to broadcast to " + out.ToString() + ", got " +
                           context.shape(2).ToString());
    }
  }
  context.output().dtype = context.dtype(0);
  context.output().shape = std::move(out);
  return OkStatus();
}

Status FusedMatMul(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kFloats));
  MS_RETURN_IF_ERROR(CheckDType(context, 1, kFloats));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 2));
  MS_RETURN_IF_ERROR(CheckRank(context, 1, 2));
  MS_RETURN_IF_ERROR(CheckActivation(context));
  const Shape& a = context.shape(0);
  const Shape& b = context.shape(1);
  size_t transpose = context.node().Int("transpose_b", 0) != 0 ? 1 : 0;
  int64_t columns = DimOf(b, 1 - transpose);
  if (a.rank_known()) {
    auto inner = SameDim(context, "inner dimensions", a[a.rank() - 1], DimOf(b, transpose));
    if (!inner.ok()) return inner.status();
  }
  if (context.HasInput(2)) {
    MS_RETURN_IF_ERROR(CheckDType(context, 2, kFloats));
    MS_RETURN_IF_ERROR(CheckRank(context, 2, 1));
    MS_ASSIGN_OR_RETURN(columns, SameDim(context, "columns of B and entries of the bias", columns,
                                         DimOf(context.shape(2), 0)));
  }
  MS_ASSIGN_OR_RETURN(context.output().dtype, DTypeAttr(context, "output_dtype", context.dtype(0)));
  if (!IsFloat(context.output().dtype)) {
    return context.Error("expected a float output_dtype, got " +
                         std::string(DTypeName(context.output().dtype)));
  }
  context.output().shape = a;
  if (a.rank_known()) context.output().shape.mutable_dims().back() = columns;
  return OkStatus();
}

}  // namespace

void AddMatMulSchemas(std::vector<OpSchema>* table) {
  table->push_back({kOnnxDomain, "MatMul", 2, 2, 1, 1, MatMul});
  table->push_back({kOnnxDomain, "Gemm", 2, 3, 1, 1, Gemm});
  table->push_back({kMidstreamDomain, "MatMul", 2, 3, 1, 1, FusedMatMul});
}

}  // namespace midstream::infer
