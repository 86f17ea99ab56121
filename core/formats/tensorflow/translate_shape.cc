// Constants, and operators that make, read or change shapes.
#include <algorithm>
#include <limits>

#include "core/formats/file.h"
#include "core/formats/tensorflow/tensor_proto.h"
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

Status Const(OpContext& context) {
  const AttrValue* value = context.TensorAttr("value");
  if (value == nullptr) return context.Invalid("has no value");
  auto tensor = DecodeTensor(value->bytes);
  if (!tensor.ok()) return tensor.status().WithContext(Describe(context.node()));
  return context.Return(context.graph().AddConstant(context.name(), *std::move(tensor)));
}

Status Reshape(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  // Without allowzero, ONNX takes a 0 for "as the input has it"; TensorFlow means an empty tensor.
  auto dims = context.ConstantInts(1);
  bool zero = !dims || std::find(dims->begin(), dims->end(), 0) != dims->end();
  Attributes attrs;
  if (zero) attrs.emplace("allowzero", int64_t{1});
  return context.Emit("Reshape", {context.input(0), context.AsInt64(1)}, std::move(attrs));
}

Status Transpose(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  auto perm = context.ConstantInts(1);
  if (!perm) return context.Unsupported("has a permutation that is not a constant");
  return context.Emit("Transpose", {context.input(0)}, {{"perm", *perm}});
}

Status Squeeze(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  std::vector<int64_t> axes = context.Ints("squeeze_dims");
  if (axes.empty()) axes = context.Ints("axis");
  if (axes.empty()) return context.Emit("Squeeze", context.inputs());
  return context.Emit("Squeeze", {context.input(0), context.Ints("axes", axes)});
}

Status ExpandDims(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(int64_t axis, context.ConstantInt(1, "axis"));
  return context.Emit("Unsqueeze", {context.input(0), context.Ints("axes", {axis})});
}

// ONNX gives shapes as int64; TensorFlow as the type that the node names, mostly int32.
Status EmitSizes(OpContext& context, ValueId sizes) {
  MS_ASSIGN_OR_RETURN(DType type, context.Type("out_type"));
  return type == DType::kI64 ? context.Emit("Identity", {sizes}) : context.EmitCast(sizes, type);
}

Status ShapeOp(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(DType type, context.Type("out_type"));
  if (type == DType::kI64) return context.Emit("Shape", context.inputs());
  return EmitSizes(context, context.Helper("Shape", "shape", context.inputs()));
}

Status Size(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  ValueId shape = context.Helper("Shape", "shape", context.inputs());
  return EmitSizes(context, context.Helper("ReduceProd", "size", {shape, context.Ints("axes", {0})},
                                           {{"keepdims", int64_t{0}}}));
}

Status Rank(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  ValueId shape = context.Helper("Shape", "shape", context.inputs());
  ValueId rank = context.Helper("Shape", "rank", {shape});
  ValueId scalar = context.Helper("Squeeze", "scalar", {rank, context.Ints("axes", {0})});
  return context.EmitCast(scalar, DType::kI32);
}

Status Fill(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return context.Emit("Expand", {context.input(1), context.AsInt64(0)});
}

Status BroadcastTo(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return context.Emit("Expand", {context.input(0), context.AsInt64(1)});
}

// Not x - x: that would pass on NaN and infinity.
Status LikeInput(OpContext& context, double value) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId shape = context.Helper("Shape", "shape", context.inputs());
  return context.Emit("Expand", {context.Scalar("value", dtype, value), shape});
}

Status ZerosLike(OpContext& context) { return LikeInput(context, 0); }
Status OnesLike(OpContext& context) { return LikeInput(context, 1); }

Status Range(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  return context.Emit("Range", context.inputs());
}

// start + i * step for `num` places.
Status LinSpace(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  MS_ASSIGN_OR_RETURN(int64_t num, context.ConstantInt(2, "number of places"));
  if (num < 1 || num > 1 << 24) return context.Invalid("has a senseless number of places");
  ValueId indices = context.Helper("Range", "indices",
                                   {context.Scalar("first", DType::kI64, 0),
                                    context.Scalar("num", DType::kI64, static_cast<double>(num)),
                                    context.Scalar("one", DType::kI64, 1)});
  ValueId way = context.Helper("Sub", "way", {context.input(1), context.input(0)});
  ValueId gaps = context.Scalar("gaps", dtype, static_cast<double>(num > 1 ? num - 1 : 1));
  ValueId step = context.Helper("Div", "step", {way, gaps});
  ValueId offsets =
      context.Helper("Mul", "offsets", {context.CastTo("places", indices, dtype), step});
  return context.Emit("Add", {context.input(0), offsets});
}

Status ShapeN(OpContext& context) {
  MS_ASSIGN_OR_RETURN(DType type, context.Type("out_type"));
  std::vector<ValueId> outputs;
  for (size_t i = 0; i < context.input_count(); ++i) {
    std::string suffix = "shape" + std::to_string(i);
    ValueId shape = context.Helper("Shape", suffix, {context.input(i)});
    outputs.push_back(type == DType::kI64 ? shape : context.CastTo(suffix + "_cast", shape, type));
  }
  return context.ReturnAll(std::move(outputs));
}

Status Tile(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  return context.Emit("Tile", {context.input(0), context.AsInt64(1)});
}

// ONNX counts negative indices from the end, TensorFlow switches nothing on for them.
Status OneHot(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(4));
  MS_ASSIGN_OR_RETURN(DType index, context.Type("TI"));
  ValueId indices = context.input(0);
  if (IsSignedInteger(index)) {
    ValueId depth = context.CastTo("depth", context.input(1), index);
    ValueId negative =
        context.Helper("Less", "negative", {indices, context.Scalar("zero", index, 0)});
    indices = context.Helper("Where", "indices", {negative, depth, indices});
  }
  ValueId axes = context.Ints("axes", {0});
  ValueId off = context.Helper("Unsqueeze", "off", {context.input(3), axes});
  ValueId on = context.Helper("Unsqueeze", "on", {context.input(2), axes});
  ValueId values = context.Helper("Concat", "values", {off, on}, {{"axis", int64_t{0}}});
  return context.Emit("OneHot", {indices, context.AsInt64(1), values},
                      {{"axis", context.Int("axis", -1)}});
}

// [n, 2] begins and ends, row by row, to all begins and then all ends.
ValueId Pads(OpContext& context) {
  if (auto pads = context.ConstantInts(1); pads && pads->size() % 2 == 0) {
    std::vector<int64_t> sorted;
    for (size_t side = 0; side < 2; ++side) {
      for (size_t i = side; i < pads->size(); i += 2) sorted.push_back((*pads)[i]);
    }
    return context.Ints("pads", sorted);
  }
  ValueId columns = context.Helper("Transpose", "columns", {context.AsInt64(1)},
                                   {{"perm", std::vector<int64_t>{1, 0}}});
  return context.Helper("Reshape", "pads", {columns, context.Ints("flat", {-1})});
}

Status Pad(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(context.op() == "PadV2" ? 3 : 2));
  std::vector<ValueId> inputs = {context.input(0), Pads(context)};
  if (context.op() == "PadV2") inputs.push_back(context.input(2));
  return context.Emit("Pad", std::move(inputs), {{"mode", "constant"}});
}

// What mirrors `count` elements at one end of an axis, the end itself included.
ValueId Mirrored(OpContext& context, const std::string& suffix, ValueId x, int64_t axis,
                 int64_t count, bool at_begin) {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  return context.Helper(
      "Slice", suffix,
      {x, context.Ints(suffix + "_start", {at_begin ? count - 1 : kLast}),
       context.Ints(suffix + "_end", {at_begin ? kFirst : -count - 1}),
       context.Ints(suffix + "_axis", {axis}), context.Ints(suffix + "_step", {-1})});
}

// ONNX lacks the mode that repeats the edge: reversed slices are joined on.
Status SymmetricPad(OpContext& context) {
  auto pads = context.ConstantInts(1);
  if (!pads) return context.Unsupported("has symmetric paddings that are not constant");
  const Shape& shape = context.shape(0);
  if (pads->size() % 2 != 0 || (shape.rank_known() && pads->size() != 2 * shape.rank())) {
    return context.Invalid("has paddings for other axes than its input has");
  }
  ValueId x = context.input(0);
  for (size_t axis = 0; axis < pads->size() / 2; ++axis) {
    std::vector<ValueId> parts;
    auto along = static_cast<int64_t>(axis);
    std::string name = "axis" + std::to_string(axis);
    for (size_t side = 0; side < 2; ++side) {
      int64_t count = (*pads)[2 * axis + side];
      int64_t size = shape.rank_known() ? shape[axis] : kUnknownDim;
      if (count < 0 || (size >= 0 && count > size)) {
        return context.Invalid("pads by " + std::to_string(count) + " what has fewer elements");
      }
      if (side == 1) parts.push_back(x);
      if (count == 0) continue;
      parts.push_back(
          Mirrored(context, name + (side == 0 ? "_before" : "_after"), x, along, count, side == 0));
    }
    if (parts.size() > 1) {
      x = context.Helper("Concat", name, std::move(parts), {{"axis", along}});
    }
  }
  return context.Emit("Identity", {x});
}

Status MirrorPad(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  std::string_view mode = context.String("mode", "");
  if (mode == "SYMMETRIC") return SymmetricPad(context);
  if (mode != "REFLECT") return context.Unsupported("has the mode " + formats::Quoted(mode));
  return context.Emit("Pad", {context.input(0), Pads(context)}, {{"mode", "reflect"}});
}

// Concat has its axis first, ConcatV2 last.
Status Concat(OpContext& context) {
  if (context.input_count() < 2) return context.Invalid("has nothing to concatenate");
  std::vector<ValueId> inputs = context.inputs();
  bool axis_first = context.op() == "Concat";
  MS_ASSIGN_OR_RETURN(int64_t axis,
                      context.ConstantInt(axis_first ? 0 : inputs.size() - 1, "axis"));
  inputs.erase(axis_first ? inputs.begin() : inputs.end() - 1);
  return context.Emit("Concat", std::move(inputs), {{"axis", axis}});
}

Status Pack(OpContext& context) {
  if (context.input_count() == 0) return context.Invalid("has nothing to pack");
  int64_t axis = context.Int("axis", 0);
  ValueId axes = context.Ints("axes", {axis});
  std::vector<ValueId> parts;
  for (size_t i = 0; i < context.input_count(); ++i) {
    parts.push_back(
        context.Helper("Unsqueeze", "part" + std::to_string(i), {context.input(i), axes}));
  }
  return context.Emit("Concat", std::move(parts), {{"axis", axis}});
}

}  // namespace

void AddShapeTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"Const", Const},
                               {"Reshape", Reshape},
                               {"Transpose", Transpose},
                               {"Squeeze", Squeeze},
                               {"ExpandDims", ExpandDims},
                               {"Shape", ShapeOp},
                               {"Size", Size},
                               {"Rank", Rank},
                               {"Fill", Fill},
                               {"BroadcastTo", BroadcastTo},
                               {"ZerosLike", ZerosLike},
                               {"OnesLike", OnesLike},
                               {"Range", Range},
                               {"LinSpace", LinSpace},
                               {"ShapeN", ShapeN},
                               {"Tile", Tile},
                               {"OneHot", OneHot},
                               {"Pad", Pad},
                               {"PadV2", Pad},
                               {"MirrorPad", MirrorPad},
                               {"Concat", Concat},
                               {"ConcatV2", Concat},
                               {"Pack", Pack}});
}

}  // namespace midstream::tensorflow
