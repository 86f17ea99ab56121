// Element-wise operators, casts and comparisons.
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

// TensorFlow and ONNX agree on name-for-name operators; `kName` is ONNX's.
template <const char* kName, size_t kInputs>
Status Same(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(kInputs));
  return context.Emit(kName, context.inputs());
}

#define MS_SAME(tf, onnx, inputs)                    \
  {                                                  \
    static constexpr char kOnnx[] = onnx;            \
    table->emplace_back(tf, &Same<kOnnx, (inputs)>); \
  }

Status Rsqrt(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  ValueId root = context.Helper("Sqrt", "sqrt", {context.input(0)});
  return context.Emit("Reciprocal", {root});
}

Status Square(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  return context.Emit("Mul", {context.input(0), context.input(0)});
}

Status SquaredDifference(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  ValueId difference = context.Helper("Sub", "sub", context.inputs());
  return context.Emit("Mul", {difference, difference});
}

Status NotEqual(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return context.Emit("Not", {context.Helper("Equal", "equal", context.inputs())});
}

Status AddN(OpContext& context) {
  if (context.input_count() == 0) return context.Invalid("has no inputs");
  if (context.input_count() == 1) return context.Return(context.input(0));
  ValueId sum = context.input(0);
  for (size_t i = 1; i + 1 < context.input_count(); ++i) {
    sum = context.Helper("Add", "add" + std::to_string(i), {sum, context.input(i)});
  }
  return context.Emit("Add", {sum, context.inputs().back()});
}

Status Relu6(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  return context.Emit(
      "Clip", {context.input(0), context.Scalar("min", dtype, 0), context.Scalar("max", dtype, 6)});
}

Status LeakyRelu(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  return context.Emit("LeakyRelu", context.inputs(), {{"alpha", context.Float("alpha", 0.2f)}});
}

Status ClipByValue(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  ValueId low = context.Helper("Max", "max", {context.input(0), context.input(1)});
  return context.Emit("Min", {low, context.input(2)});
}

Status Cast(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(DType from, context.Type("SrcT"));
  MS_ASSIGN_OR_RETURN(DType to, context.Type("DstT"));
  if (from == to) return context.Return(context.input(0));
  return context.EmitCast(context.input(0), to);
}

// Rounds towards minus infinity; ONNX's Div of integers rounds towards zero.
Status FloorDiv(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  if (IsFloat(dtype)) {
    return context.Emit("Floor", {context.Helper("Div", "div", context.inputs())});
  }
  if (IsUnsignedInteger(dtype)) return context.Emit("Div", context.inputs());
  ValueId remainder = context.Helper("Mod", "mod", context.inputs());
  ValueId whole = context.Helper("Sub", "sub", {context.input(0), remainder});
  return context.Emit("Div", {whole, context.input(1)});
}

Status FloorMod(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  if (!IsFloat(dtype)) return context.Emit("Mod", context.inputs());
  ValueId quotient = context.Helper("Div", "div", context.inputs());
  ValueId floor = context.Helper("Floor", "floor", {quotient});
  ValueId whole = context.Helper("Mul", "mul", {floor, context.input(1)});
  return context.Emit("Sub", {context.input(0), whole});
}

// A choice between x and y. The old form lets a vector choose whole rows.
Status Select(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  if (context.op() == "SelectV2") return context.Emit("Where", context.inputs());
  const Shape& condition = context.shape(0);
  const Shape& value = context.shape(1).rank_known() ? context.shape(1) : context.shape(2);
  if (!condition.rank_known()) return context.Unsupported("has a condition of unknown rank");
  if (condition.rank() != 1) return context.Emit("Where", context.inputs());
  if (!value.rank_known()) return context.Unsupported("has values of unknown rank");
  if (value.rank() <= 1) return context.Emit("Where", context.inputs());
  std::vector<int64_t> column(value.rank(), 1);
  column[0] = -1;
  ValueId rows =
      context.Helper("Reshape", "rows", {context.input(0), context.Ints("rows_shape", column)});
  return context.Emit("Where", {rows, context.input(1), context.input(2)});
}

}  // namespace

void AddMathTranslations(TranslationTable* table) {
  MS_SAME("Add", "Add", 2)
  MS_SAME("AddV2", "Add", 2)
  MS_SAME("Sub", "Sub", 2)
  MS_SAME("Mul", "Mul", 2)
  MS_SAME("RealDiv", "Div", 2)
  MS_SAME("Div", "Div", 2)
  MS_SAME("TruncateDiv", "Div", 2)
  MS_SAME("Pow", "Pow", 2)
  MS_SAME("Maximum", "Max", 2)
  MS_SAME("Minimum", "Min", 2)
  MS_SAME("Equal", "Equal", 2)
  MS_SAME("Greater", "Greater", 2)
  MS_SAME("GreaterEqual", "GreaterOrEqual", 2)
  MS_SAME("Less", "Less", 2)
  MS_SAME("LessEqual", "LessOrEqual", 2)
  MS_SAME("LogicalAnd", "And", 2)
  MS_SAME("LogicalOr", "Or", 2)
  MS_SAME("LogicalNot", "Not", 1)
  MS_SAME("Neg", "Neg", 1)
  MS_SAME("Abs", "Abs", 1)
  MS_SAME("Exp", "Exp", 1)
  MS_SAME("Log", "Log", 1)
  MS_SAME("Sqrt", "Sqrt", 1)
  MS_SAME("Reciprocal", "Reciprocal", 1)
  MS_SAME("Inv", "Reciprocal", 1)
  MS_SAME("Erf", "Erf", 1)
  MS_SAME("Floor", "Floor", 1)
  MS_SAME("Ceil", "Ceil", 1)
  MS_SAME("Round", "Round", 1)
  MS_SAME("Rint", "Round", 1)
  MS_SAME("Sign", "Sign", 1)
  MS_SAME("Tanh", "Tanh", 1)
  MS_SAME("Sigmoid", "Sigmoid", 1)
  MS_SAME("Relu", "Relu", 1)
  MS_SAME("Elu", "Elu", 1)
  MS_SAME("Selu", "Selu", 1)
  MS_SAME("Softplus", "Softplus", 1)
  MS_SAME("Softsign", "Softsign", 1)
  MS_SAME("Sin", "Sin", 1)
  MS_SAME("Cos", "Cos", 1)
  MS_SAME("Tan", "Tan", 1)
  MS_SAME("Asin", "Asin", 1)
  MS_SAME("Acos", "Acos", 1)
  MS_SAME("Atan", "Atan", 1)
  MS_SAME("Sinh", "Sinh", 1)
  MS_SAME("Cosh", "Cosh", 1)
  MS_SAME("Asinh", "Asinh", 1)
  MS_SAME("Acosh", "Acosh", 1)
  MS_SAME("Atanh", "Atanh", 1)
  MS_SAME("LogicalXor", "Xor", 2)
  MS_SAME("BitwiseAnd", "BitwiseAnd", 2)
  MS_SAME("BitwiseOr", "BitwiseOr", 2)
  MS_SAME("BitwiseXor", "BitwiseXor", 2)
  MS_SAME("Invert", "BitwiseNot", 1)
  table->insert(table->end(), {{"Rsqrt", Rsqrt},
                               {"Square", Square},
                               {"SquaredDifference", SquaredDifference},
                               {"NotEqual", NotEqual},
                               {"AddN", AddN},
                               {"AccumulateNV2", AddN},
                               {"Relu6", Relu6},
                               {"LeakyRelu", LeakyRelu},
                               {"ClipByValue", ClipByValue},
                               {"Cast", Cast},
                               {"FloorDiv", FloorDiv},
                               {"FloorMod", FloorMod},
                               {"Select", Select},
                               {"SelectV2", Select}});
}

#undef MS_SAME

}  // namespace midstream::tensorflow
