// Operators that make elements from a few parameters: Range, OneHot, ConstantOfShape.
#include <cmath>
#include <cstring>

#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

// The one element of input i as a double, when it is known. 16-bit floats count as unknown.
std::optional<double> KnownScalar(const InferContext& context, size_t input) {
  const Tensor* tensor = context.constant(input);
  if (tensor == nullptr || tensor->count() != 1) return std::nullopt;
  if (tensor->dtype() == DType::kF64) {
    double value = 0;
    std::memcpy(&value, tensor->data(), sizeof(value));
    return value;
  }
  if (tensor->dtype() == DType::kF32) {
    float value = 0;
    std::memcpy(&value, tensor->data(), sizeof(value));
    return value;
  }
  auto ints = tensor->ToInts();
  if (!ints.ok()) return std::nullopt;
  return static_cast<double>((*ints)[0]);
}

Status CheckScalar(const InferContext& context, size_t input) {
  const Shape& shape = context.shape(input);
  if (!shape.rank_known() || shape.rank() == 0) return OkStatus();
  if (shape.rank() == 1 && (shape[0] == 1 || shape[0] < 0)) return OkStatus();
  return context.Error("expected input " + std::to_string(input) + " to be a scalar, got " +
                       shape.ToString());
}

// A computed count as a size.
Result<int64_t> ToSize(const InferContext& context, double count) {
  if (count >= 0 && count <= std::ldexp(1.0, 53)) return static_cast<int64_t>(count);
  return context.Error("expected a size in [0,2^53], got " + std::to_string(count));
}

// max(ceil((limit - start) / delta), 0), exact for integers.
Result<int64_t> IntegerRange(const InferContext& context, int64_t start, int64_t limit,
                             int64_t delta) {
  if (delta == 0) return context.Error("expected delta other than 0, got 0");
  if (delta > 0 ? limit <= start : limit >= start) return int64_t{0};
  uint64_t low = static_cast<uint64_t>(delta > 0 ? start : limit);
  uint64_t high = static_cast<uint64_t>(delta > 0 ? limit : start);
  uint64_t step = delta > 0 ? static_cast<uint64_t>(delta) : 0 - static_cast<uint64_t>(delta);
  uint64_t count = (high - low - 1) / step + 1;
  if (count <= static_cast<uint64_t>(INT64_MAX)) return static_cast<int64_t>(count);
  return context.Error("the range has too many elements");
}

Result<int64_t> RangeLength(const InferContext& context) {
  const Tensor* parts[3] = {context.constant(0), context.constant(1), context.constant(2)};
  for (const Tensor* part : parts) {
    if (part == nullptr || part->count() != 1) return kUnknownDim;
  }
  if (IsInteger(context.dtype(0))) {
    int64_t values[3] = {};
    for (size_t i = 0; i < 3; ++i) {
      MS_ASSIGN_OR_RETURN(std::vector<int64_t> ints, parts[i]->ToInts());
      values[i] = ints[0];
    }
    return IntegerRange(context, values[0], values[1], values[2]);
  }
  double start = *KnownScalar(context, 0);
  double limit = *KnownScalar(context, 1);
  double delta = *KnownScalar(context, 2);
  if (delta == 0) return context.Error("expected delta other than 0, got 0");
  double count = std::ceil((limit - start) / delta);
  return ToSize(context, count < 0 ? 0 : count);
}

Status Range(InferContext& context) {
  for (size_t i = 0; i < 3; ++i) {
    MS_RETURN_IF_ERROR(CheckDType(context, i, kFloats | kSigned));
    MS_RETURN_IF_ERROR(CheckSameDType(context, 0, i));
    MS_RETURN_IF_ERROR(CheckScalar(context, i));
  }
  DType dtype = context.dtype(0);
  if (dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kI8) {
    return context.Error("expected float32, float64, int16, int32 or int64, got " +
                         std::string(DTypeName(dtype)));
  }
  MS_ASSIGN_OR_RETURN(int64_t length, RangeLength(context));
  context.output().dtype = dtype;
  context.output().shape = Shape{length};
  return OkStatus();
}

Status OneHot(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kNumeric));
  MS_RETURN_IF_ERROR(CheckDType(context, 1, kNumeric));
  MS_RETURN_IF_ERROR(CheckDType(context, 2, kAny));
  MS_RETURN_IF_ERROR(CheckScalar(context, 1));
  MS_RETURN_IF_ERROR(CheckRank(context, 2, 1));
  const Shape& values = context.shape(2);
  if (values.rank_known() && values[0] >= 0 && values[0] != 2) {
    return context.Error("expected the values [off,on], got " + values.ToString());
  }
  context.output().dtype = context.dtype(2);
  int64_t depth = kUnknownDim;
  if (std::optional<double> known = KnownScalar(context, 1)) {
    MS_ASSIGN_OR_RETURN(depth, ToSize(context, *known));
  }
  const Shape& indices = context.shape(0);
  if (!indices.rank_known()) return OkStatus();
  MS_ASSIGN_OR_RETURN(size_t axis,
                      NormalizeAxis(context, context.node().Int("axis", -1), indices.rank() + 1));
  std::vector<int64_t> out = indices.dims();
  out.insert(out.begin() + static_cast<ptrdiff_t>(axis), depth);
  context.output().shape = Shape(std::move(out));
  return OkStatus();
}

// ONNX gives the value as a tensor of one element; here it is an int or float attribute, and the
// attribute `dtype` tells the element type where that is not int64 or float32.
Status ConstantOfShape(InferContext& context) {
  const Attributes& attrs = context.node().attrs;
  auto value = attrs.find("value");
  bool is_int = value != attrs.end() && std::holds_alternative<int64_t>(value->second);
  if (value != attrs.end() && !is_int && !std::holds_alternative<double>(value->second)) {
    return context.Error("expected attribute 'value' to be an int or a float");
  }
  MS_ASSIGN_OR_RETURN(context.output().dtype,
                      DTypeAttr(context, "dtype", is_int ? DType::kI64 : DType::kF32));
  MS_ASSIGN_OR_RETURN(auto sizes, KnownInts(context, 0));
  if (!sizes.has_value()) {
    MS_ASSIGN_OR_RETURN(context.output().shape, UnknownOfRank(context, VectorLength(context, 0)));
    return OkStatus();
  }
  MS_RETURN_IF_ERROR(CheckSizes(context, *sizes));
  context.output().shape = Shape(*sizes);
  return OkStatus();
}

}  // namespace

void AddGeneratorSchemas(std::vector<OpSchema>* table) {
  table->push_back({kOnnxDomain, "Range", 3, 3, 1, 1, Range});
  table->push_back({kOnnxDomain, "OneHot", 3, 3, 1, 1, OneHot});
  table->push_back({kOnnxDomain, "ConstantOfShape", 1, 1, 1, 1, ConstantOfShape});
}

}  // namespace midstream::infer
