// Functions that ONNX lacks, written with those that it has: quotients and logarithms with a value
// for zero, tests for NaN and infinity, logical reductions.
#include <limits>
#include <numbers>

#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

ValueId Midstream(OpContext& context, std::string_view op, std::string_view suffix, ValueId x) {
  return context.graph().Add(std::string(op), context.name() + "/" + std::string(suffix), {x}, {},
                             std::string(kMidstreamDomain));
}

// ONNX has neither log(1 + x) nor exp(x) - 1, exact near zero, nor 1 - erf(x), exact far from it.
Status OwnUnary(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  return context.Return(context.graph().Add(std::string(context.op()), context.name(),
                                            context.inputs(), {}, std::string(kMidstreamDomain)));
}

// Zero where input `test` is zero, else `value`.
Status ZeroWhere(OpContext& context, size_t test, ValueId value) {
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId zero = context.Scalar("zero", dtype, 0);
  ValueId is_zero = context.Helper("Equal", "is_zero", {context.input(test), zero});
  return context.Emit("Where", {is_zero, zero, value});
}

Status DivNoNan(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return ZeroWhere(context, 1, context.Helper("Div", "quotient", context.inputs()));
}
Status MulNoNan(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return ZeroWhere(context, 1, context.Helper("Mul", "product", context.inputs()));
}
Status Xdivy(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return ZeroWhere(context, 0, context.Helper("Div", "quotient", context.inputs()));
}
Status Xlogy(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  ValueId log = context.op() == "Xlogy" ? context.Helper("Log", "log", {context.input(1)})
                                        : Midstream(context, "Log1p", "log", context.input(1));
  return ZeroWhere(context, 0, context.Helper("Mul", "product", {context.input(0), log}));
}

Status TruncateMod(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return context.Emit("Mod", context.inputs(), {{"fmod", int64_t{1}}});
}

// Inputs y, x: the angle of the point (x, y).
Status Atan2(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId y = context.input(0), x = context.input(1);
  ValueId zero = context.Scalar("zero", dtype, 0);
  ValueId angle = context.Helper("Atan", "atan", {context.Helper("Div", "quotient", {y, x})});
  ValueId below = context.Helper("Less", "below", {y, zero});
  ValueId turn = context.Helper("Where", "turn",
                                {below, context.Scalar("minus_pi", dtype, -std::numbers::pi),
                                 context.Scalar("pi", dtype, std::numbers::pi)});
  ValueId left = context.Helper("Less", "left", {x, zero});
  ValueId turned = context.Helper("Add", "turned", {angle, turn});
  angle = context.Helper("Where", "angle", {left, turned, angle});
  ValueId on_axis = context.Helper("Equal", "on_axis", {x, zero});
  ValueId no_height = context.Helper("Equal", "no_height", {y, zero});
  ValueId origin = context.Helper("And", "origin", {on_axis, no_height});
  return context.Emit("Where", {origin, zero, angle});
}

ValueId Infinity(OpContext& context, DType dtype) {
  return context.Scalar("infinity", dtype, std::numeric_limits<double>::infinity());
}

Status IsNan(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  ValueId same = context.Helper("Equal", "same", {context.input(0), context.input(0)});
  return context.Emit("Not", {same});
}
Status IsInf(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId magnitude = context.Helper("Abs", "magnitude", context.inputs());
  return context.Emit("Equal", {magnitude, Infinity(context, dtype)});
}
Status IsFinite(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId magnitude = context.Helper("Abs", "magnitude", context.inputs());
  return context.Emit("Less", {magnitude, Infinity(context, dtype)});
}

Status L2Loss(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId square = context.Helper("Mul", "square", {context.input(0), context.input(0)});
  ValueId sum = context.Helper("ReduceSum", "sum", {square}, {{"keepdims", int64_t{0}}});
  return context.Emit("Mul", {sum, context.Scalar("half", dtype, 0.5)});
}

// Whether the sum over the axes of the truths (Any), or of the untruths (All), is above zero.
Status LogicalReduce(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  bool all = context.op() == "All";
  ValueId x = all ? context.Helper("Not", "not", {context.input(0)}) : context.input(0);
  auto axes = context.ConstantInts(1);
  ValueId axis_input = axes ? context.Ints("axes", *axes) : context.AsInt64(1);
  Attributes attrs = {{"keepdims", int64_t{context.Bool("keep_dims", false)}},
                      {"noop_with_empty_axes", int64_t{1}}};
  ValueId ones = context.CastTo("ones", x, DType::kI32);
  ValueId sum = context.Helper("ReduceSum", "sum", {ones, axis_input}, std::move(attrs));
  ValueId zero = context.Scalar("zero", DType::kI32, 0);
  return context.Emit(all ? "Equal" : "Greater", {sum, zero});
}

}  // namespace

void AddSpecialTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"Log1p", OwnUnary},
                               {"Erfc", OwnUnary},
                               {"Expm1", OwnUnary},
                               {"DivNoNan", DivNoNan},
                               {"MulNoNan", MulNoNan},
                               {"Xdivy", Xdivy},
                               {"Xlogy", Xlogy},
                               {"Xlog1py", Xlogy},
                               {"Mod", TruncateMod},
                               {"TruncateMod", TruncateMod},
                               {"Atan2", Atan2},
                               {"IsNan", IsNan},
                               {"IsInf", IsInf},
                               {"IsFinite", IsFinite},
                               {"L2Loss", L2Loss},
                               {"All", LogicalReduce},
                               {"Any", LogicalReduce}});
}

}  // namespace midstream::tensorflow
