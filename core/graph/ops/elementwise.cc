// Operators that compute each output element from the elements at the same (broadcast) place.
#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

template <DTypeSet kAllowed>
Status Unary(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAllowed));
  context.output().dtype = context.dtype(0);
  context.output().shape = context.shape(0);
  return OkStatus();
}

// All inputs of one dtype, broadcast together.
template <DTypeSet kAllowed>
Status Variadic(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAllowed));
  Shape shape = context.shape(0);
  for (size_t i = 1; i < context.input_count(); ++i) {
    MS_RETURN_IF_ERROR(CheckDType(context, i, kAllowed));
    MS_RETURN_IF_ERROR(CheckSameDType(context, 0, i));
    MS_ASSIGN_OR_RETURN(shape, Broadcast(context, shape, context.shape(i)));
  }
  context.output().dtype = context.dtype(0);
  context.output().shape = std::move(shape);
  return OkStatus();
}

template <DTypeSet kAllowed>
Status Comparison(InferContext& context) {
  MS_RETURN_IF_ERROR(Variadic<kAllowed>(context));
  context.output().dtype = DType::kBool;
  return OkStatus();
}

// The exponent may have a dtype of its own.
Status Pow(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kNumeric));
  MS_RETURN_IF_ERROR(CheckDType(context, 1, kNumeric));
  context.output().dtype = context.dtype(0);
  MS_ASSIGN_OR_RETURN(context.output().shape,
                      Broadcast(context, context.shape(0), context.shape(1)));
  return OkStatus();
}

Status Mod(InferContext& context) {
  MS_RETURN_IF_ERROR(Variadic<kNumeric>(context));
  if (IsFloat(context.dtype(0)) && context.node().Int("fmod", 0) == 0) {
    return context.Error("expected fmod = 1 for float inputs, got 0");
  }
  return OkStatus();
}

Status Clip(InferContext& context) {
  MS_RETURN_IF_ERROR(Unary<kNumeric>(context));
  for (size_t i = 1; i < 3; ++i) {
    if (!context.HasInput(i)) continue;
    MS_RETURN_IF_ERROR(CheckSameDType(context, 0, i));
    MS_RETURN_IF_ERROR(CheckRank(context, i, 0));
  }
  return OkStatus();
}

Status Gelu(InferContext& context) {
  MS_RETURN_IF_ERROR(Unary<kFloats>(context));
  const std::string form = context.node().String("approximate", "none");
  if (form == "none" || form == "tanh") return OkStatus();
  return context.Error("expected approximate 'none' or 'tanh', got '" + form + "'");
}

Status Cast(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAny));
  MS_ASSIGN_OR_RETURN(context.output().dtype, DTypeAttr(context, "to", DType::kInvalid));
  if (context.output().dtype == DType::kInvalid) return context.Error("attribute 'to' is missing");
  context.output().shape = context.shape(0);
  return OkStatus();
}

Status Where(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kBools));
  MS_RETURN_IF_ERROR(CheckDType(context, 1, kAny));
  MS_RETURN_IF_ERROR(CheckDType(context, 2, kAny));
  MS_RETURN_IF_ERROR(CheckSameDType(context, 1, 2));
  const Shape &a = context.shape(1), &b = context.shape(2);
  if (context.node().Int("branches", 0) != 0 && a.IsFullyKnown() && b.IsFullyKnown() && a != b) {
    return context.Error("chooses between branches of the shapes " + a.ToString() + " and " +
                         b.ToString() + ", which must be equal");
  }
  MS_ASSIGN_OR_RETURN(Shape shape, Broadcast(context, a, b));
  MS_ASSIGN_OR_RETURN(context.output().shape, Broadcast(context, context.shape(0), shape));
  context.output().dtype = context.dtype(1);
  return OkStatus();
}

}  // namespace

void AddElementwiseSchemas(std::vector<OpSchema>* table) {
  auto add = [&](int inputs, auto infer, std::initializer_list<std::string_view> names) {
    for (std::string_view name : names) {
      table->push_back({kOnnxDomain, name, inputs, inputs, 1, 1, infer});
    }
  };
  add(1, Unary<kFloats>,
      {"Exp", "Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Tanh", "Sigmoid", "Elu",
       "LeakyRelu", "Selu", "Softplus", "Softsign"});
  add(1, Unary<kFloats>,
      {"Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"});
  for (std::string_view name : {"Log1p", "Expm1", "Erfc"}) {
    table->push_back({kMidstreamDomain, name, 1, 1, 1, 1, Unary<kFloats>});
  }
  add(1, Unary<kInts>, {"BitwiseNot"});
  add(2, Variadic<kInts>, {"BitwiseAnd", "BitwiseOr", "BitwiseXor"});
  add(1, Unary<kNumeric>, {"Abs", "Sign", "Erf"});
  add(1, Unary<kFloats | kSigned>, {"Neg", "Relu"});
  add(1, Unary<kBools>, {"Not"});
  add(2, Variadic<kNumeric>, {"Add", "Sub", "Mul", "Div"});
  add(2, Variadic<kBools>, {"And", "Or", "Xor"});
  add(2, Comparison<kAny>, {"Equal"});
  add(2, Comparison<kNumeric>, {"Greater", "GreaterOrEqual", "Less", "LessOrEqual"});
  add(2, Pow, {"Pow"});
  add(2, Mod, {"Mod"});
  add(3, Where, {"Where"});
  add(1, Cast, {"Cast"});
  add(1, Gelu, {"Gelu"});
  table->push_back({kOnnxDomain, "Max", 1, -1, 1, 1, Variadic<kNumeric>});
  table->push_back({kOnnxDomain, "Min", 1, -1, 1, 1, Variadic<kNumeric>});
  table->push_back({kOnnxDomain, "Clip", 1, 3, 1, 1, Clip});
}

}  // namespace midstream::infer
