// Operators that pick or place elements by computed positions, and running sums.
//
// An index below 0 counts from the end, as ONNX has it, where TensorFlow fails.
#include <limits>

#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
constexpr int64_t kBegin = std::numeric_limits<int64_t>::min();

Status GatherNd(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return context.Emit("GatherND", {context.input(0), context.AsInt64(1)},
                      {{"batch_dims", context.Int("batch_dims", 0)}});
}

// Inputs indices, updates, shape: what meets at one place is added.
Status ScatterNd(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId zero = context.Scalar("zero", dtype, 0);
  ValueId zeros = context.Helper("Expand", "zeros", {zero, context.AsInt64(2)});
  return context.Emit("ScatterND", {zeros, context.AsInt64(0), context.input(1)},
                      {{"reduction", "add"}});
}

// Inputs tensor, indices, updates.
Status TensorScatter(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  std::string_view op = context.op();
  std::string reduction = op == "TensorScatterUpdate" ? "none"
                          : op == "TensorScatterMax"  ? "max"
                          : op == "TensorScatterMin"  ? "min"
                                                      : "add";
  ValueId updates = context.input(2);
  if (op == "TensorScatterSub") updates = context.Helper("Neg", "neg", {updates});
  return context.Emit("ScatterND", {context.input(0), context.AsInt64(1), updates},
                      {{"reduction", reduction}});
}

Status TopK(OpContext& context) {
  ValueId count = kNoValue;
  if (context.op() == "TopK") {
    MS_RETURN_IF_ERROR(context.ExpectInputs(1));
    count = context.Ints("k", {context.Int("k", 0)});
  } else {
    MS_RETURN_IF_ERROR(context.ExpectInputs(2));
    auto known = context.ConstantInts(1);
    count = known ? context.Ints("k", *known)
                  : context.Helper("Reshape", "k", {context.AsInt64(1), context.Ints("one", {1})});
  }
  NodeId top = context.graph().AddNode("TopK", context.name(), {context.input(0), count}, {}, 2);
  std::vector<ValueId> outputs = context.graph().node(top).outputs;
  MS_ASSIGN_OR_RETURN(DType type, context.Type("index_type"));
  if (type != DType::kI64) outputs[1] = context.CastTo("indices", outputs[1], type);
  return context.ReturnAll(std::move(outputs));
}

Status Reverse(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  auto axes = context.ConstantInts(1);
  if (!axes) return context.Unsupported("has axes that are not constant");
  if (axes->empty()) return context.Return(context.input(0));
  size_t n = axes->size();
  return context.Emit(
      "Slice", {context.input(0), context.Ints("starts", std::vector<int64_t>(n, kEnd)),
                context.Ints("ends", std::vector<int64_t>(n, kBegin)), context.Ints("axes", *axes),
                context.Ints("steps", std::vector<int64_t>(n, -1))});
}

Status ReverseSequence(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return context.Emit(
      "ReverseSequence", {context.input(0), context.AsInt64(1)},
      {{"batch_axis", context.Int("batch_dim", 0)}, {"time_axis", context.Int("seq_dim", 0)}});
}

Status Cumulate(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(int64_t axis, context.ConstantInt(1, "axis"));
  Attributes attrs = {{"exclusive", int64_t{context.Bool("exclusive", false)}},
                      {"reverse", int64_t{context.Bool("reverse", false)}}};
  bool sum = context.op() == "Cumsum";
  std::vector<ValueId> inputs = {context.input(0),
                                 context.Scalar("axis", DType::kI64, static_cast<double>(axis))};
  return context.Return(context.graph().Add(sum ? "CumSum" : "CumProd", context.name(),
                                            std::move(inputs), std::move(attrs),
                                            std::string(sum ? kOnnxDomain : kMidstreamDomain)));
}

Status InvertPermutation(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  auto perm = context.ConstantInts(0);
  if (!perm) return context.Unsupported("inverts a permutation that is not constant");
  std::vector<int64_t> inverse(perm->size(), -1);
  for (size_t i = 0; i < perm->size(); ++i) {
    auto to = static_cast<size_t>((*perm)[i]);
    if (to >= inverse.size() || inverse[to] >= 0) return context.Invalid("inverts no permutation");
    inverse[to] = static_cast<int64_t>(i);
  }
  ValueId values = context.Ints("inverse", inverse);
  return dtype == DType::kI64 ? context.Return(values) : context.EmitCast(values, dtype);
}

}  // namespace

void AddIndexTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"GatherNd", GatherNd},
                               {"ScatterNd", ScatterNd},
                               {"TensorScatterUpdate", TensorScatter},
                               {"TensorScatterAdd", TensorScatter},
                               {"TensorScatterSub", TensorScatter},
                               {"TensorScatterMax", TensorScatter},
                               {"TensorScatterMin", TensorScatter},
                               {"TopK", TopK},
                               {"TopKV2", TopK},
                               {"ReverseV2", Reverse},
                               {"ReverseSequence", ReverseSequence},
                               {"Cumsum", Cumulate},
                               {"Cumprod", Cumulate},
                               {"InvertPermutation", InvertPermutation}});
}

}  // namespace midstream::tensorflow
