// Random numbers of domain "midstream": a tensor of the asked shape, determined by the key, the
// attribute `stream` and the place of each element.
#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

Status CheckKey(const InferContext& context) {
  if (context.dtype(1) != DType::kI64) {
    return context.Error("expected a key of int64, got " +
                         std::string(DTypeName(context.dtype(1))));
  }
  MS_RETURN_IF_ERROR(CheckRank(context, 1, 1));
  const Shape& key = context.shape(1);
  if (!key.rank_known() || key[0] < 0 || key[0] == 2) return OkStatus();
  return context.Error("expected a key of 2 numbers, got " + key.ToString());
}

Status AskedShape(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckKey(context));
  MS_ASSIGN_OR_RETURN(auto sizes, KnownInts(context, 0));
  if (!sizes.has_value()) {
    MS_ASSIGN_OR_RETURN(context.output().shape, UnknownOfRank(context, VectorLength(context, 0)));
    return OkStatus();
  }
  MS_RETURN_IF_ERROR(CheckSizes(context, *sizes));
  context.output().shape = Shape(*sizes);
  return OkStatus();
}

Status RandomFloats(InferContext& context) {
  MS_RETURN_IF_ERROR(AskedShape(context));
  MS_ASSIGN_OR_RETURN(DType dtype, DTypeAttr(context, "dtype", DType::kF32));
  context.output().dtype = dtype;
  if (IsFloat(dtype)) return OkStatus();
  return context.Error("expected a float dtype, got " + std::string(DTypeName(dtype)));
}

Status RandomIntegers(InferContext& context) {
  MS_RETURN_IF_ERROR(AskedShape(context));
  DType dtype = context.dtype(2);
  if (dtype != DType::kI32 && dtype != DType::kI64) {
    return context.Error("expected bounds of int32 or int64, got " + std::string(DTypeName(dtype)));
  }
  MS_RETURN_IF_ERROR(CheckSameDType(context, 2, 3));
  MS_RETURN_IF_ERROR(CheckRank(context, 2, 0));
  MS_RETURN_IF_ERROR(CheckRank(context, 3, 0));
  context.output().dtype = dtype;
  return OkStatus();
}

}  // namespace

void AddRandomSchemas(std::vector<OpSchema>* table) {
  table->push_back({kMidstreamDomain, "RandomUniform", 2, 2, 1, 1, RandomFloats});
  table->push_back({kMidstreamDomain, "RandomNormal", 2, 2, 1, 1, RandomFloats});
  table->push_back({kMidstreamDomain, "RandomUniformInt", 4, 4, 1, 1, RandomIntegers});
}

}  // namespace midstream::infer
