// Operators that slide a window over an image: convolutions and pooling.
#include "core/formats/tensorflow/layout.h"
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

// The ONNX node between the transposes that the layout asks for.
Status EmitWindow(OpContext& context, Layout layout, std::string_view onnx,
                  std::vector<ValueId> inputs, Attributes attrs) {
  if (layout == Layout::kChannelsFirst) {
    return context.Emit(onnx, std::move(inputs), std::move(attrs));
  }
  inputs[0] = ToChannelsFirst(context, "nchw", inputs[0]);
  return EmitChannelsLast(context,
                          context.Helper(onnx, "window", std::move(inputs), std::move(attrs)));
}

Result<Attributes> ConvAttributes(const OpContext& context, Layout layout) {
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> strides, SpatialPair(context, "strides", layout));
  Attributes attrs = {{"strides", strides}};
  if (!context.Ints("dilations").empty()) {
    MS_ASSIGN_OR_RETURN(std::vector<int64_t> dilations, SpatialPair(context, "dilations", layout));
    attrs.emplace("dilations", dilations);
  }
  MS_RETURN_IF_ERROR(AddPadding(context, layout, &attrs));
  return attrs;
}

// Height, width and channel sizes of the filter, where known.
Result<std::vector<int64_t>> FilterDims(const OpContext& context) {
  const Shape& shape = context.shape(1);
  if (!shape.rank_known()) return std::vector<int64_t>(4, kUnknownDim);
  if (shape.rank() != 4) return context.Invalid("has a filter of shape " + shape.ToString());
  return shape.dims();
}

int64_t Channels(const OpContext& context, Layout layout) {
  const Shape& shape = context.shape(0);
  if (!shape.rank_known() || shape.rank() != 4) return kUnknownDim;
  return shape[layout == Layout::kChannelsLast ? 3 : 1];
}

Status Conv2D(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(Layout layout, DataFormat(context));
  MS_ASSIGN_OR_RETURN(Attributes attrs, ConvAttributes(context, layout));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> filter, FilterDims(context));
  int64_t channels = Channels(context, layout);
  if (channels > 0 && filter[2] > 0 && channels != filter[2]) {  // each group sees some channels
    if (channels % filter[2] != 0) return context.Invalid("has a filter for other channels");
    attrs.emplace("group", channels / filter[2]);
  }
  ValueId weights = context.Helper("Transpose", "filter", {context.input(1)},
                                   {{"perm", std::vector<int64_t>{3, 2, 0, 1}}});
  return EmitWindow(context, layout, "Conv", {context.input(0), weights}, std::move(attrs));
}

// One group for each channel. The filter [H, W, C, M] has the output channels c * M + m.
Status DepthwiseConv2D(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(Layout layout, DataFormat(context));
  MS_ASSIGN_OR_RETURN(Attributes attrs, ConvAttributes(context, layout));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> filter, FilterDims(context));
  for (int64_t dim : filter) {
    if (dim < 1) return context.Unsupported("has a filter of unknown shape");
  }
  attrs.emplace("group", filter[2]);
  ValueId joined = context.Helper(
      "Reshape", "joined",
      {context.input(1), context.Ints("joined_shape", {filter[0], filter[1], 1, -1})});
  ValueId weights =
      context.Helper("Transpose", "filter", {joined}, {{"perm", std::vector<int64_t>{3, 2, 0, 1}}});
  return EmitWindow(context, layout, "Conv", {context.input(0), weights}, std::move(attrs));
}

Status Pool(OpContext& context, std::string_view onnx) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(Layout layout, DataFormat(context));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> window, SpatialPair(context, "ksize", layout));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> strides, SpatialPair(context, "strides", layout));
  Attributes attrs = {{"kernel_shape", window}, {"strides", strides}};
  MS_RETURN_IF_ERROR(AddPadding(context, layout, &attrs));
  return EmitWindow(context, layout, onnx, {context.input(0)}, std::move(attrs));
}

Status MaxPool(OpContext& context) { return Pool(context, "MaxPool"); }
// Padding does not count into the average, in both systems.
Status AvgPool(OpContext& context) { return Pool(context, "AveragePool"); }

}  // namespace

void AddWindowTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"Conv2D", Conv2D},
                               {"DepthwiseConv2dNative", DepthwiseConv2D},
                               {"MaxPool", MaxPool},
                               {"AvgPool", AvgPool}});
}

}  // namespace midstream::tensorflow
