// Reductions over axes, and softmax, which normalises over one.
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

Status Reduce(OpContext& context, std::string_view onnx) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  bool keep = context.Bool("keep_dims", context.Bool("keepdims", false));
  // ONNX takes no axes for all axes; TensorFlow takes no axes for nothing to do.
  auto axes = context.ConstantInts(1);
  if (axes && axes->empty()) return context.Return(context.input(0));
  ValueId axis_input = axes ? context.Ints("axes", *axes) : context.AsInt64(1);
  return context.Emit(onnx, {context.input(0), axis_input},
                      {{"keepdims", int64_t{keep}}, {"noop_with_empty_axes", int64_t{1}}});
}

Status Mean(OpContext& context) { return Reduce(context, "ReduceMean"); }
Status Sum(OpContext& context) { return Reduce(context, "ReduceSum"); }
Status Max(OpContext& context) { return Reduce(context, "ReduceMax"); }
Status Min(OpContext& context) { return Reduce(context, "ReduceMin"); }
Status Prod(OpContext& context) { return Reduce(context, "ReduceProd"); }

Status Arg(OpContext& context, std::string_view onnx) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(int64_t axis, context.ConstantInt(1, "axis"));
  MS_ASSIGN_OR_RETURN(DType type, context.Type("output_type"));
  Attributes attrs = {{"axis", axis}, {"keepdims", int64_t{0}}};
  if (type == DType::kI64) return context.Emit(onnx, {context.input(0)}, std::move(attrs));
  return context.EmitCast(context.Helper(onnx, "arg", {context.input(0)}, std::move(attrs)), type);
}

Status ArgMax(OpContext& context) { return Arg(context, "ArgMax"); }
Status ArgMin(OpContext& context) { return Arg(context, "ArgMin"); }

Status Softmax(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  return context.Emit(context.op(), context.inputs(), {{"axis", int64_t{-1}}});
}

}  // namespace

void AddReduceTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"Mean", Mean},
                               {"Sum", Sum},
                               {"Max", Max},
                               {"Min", Min},
                               {"Prod", Prod},
                               {"ArgMax", ArgMax},
                               {"ArgMin", ArgMin},
                               {"Softmax", Softmax},
                               {"LogSoftmax", Softmax}});
}

}  // namespace midstream::tensorflow
