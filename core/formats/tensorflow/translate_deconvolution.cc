// Transposed convolutions of images (conv2d_transpose), and windows over volumes.
//
// A transposed convolution is an ordinary one, with the filter turned around, over the input with
// stride - 1 zeros behind each cell. So every backend that convolves computes it.
#include <algorithm>
#include <limits>

#include "core/formats/tensorflow/known_ints.h"
#include "core/formats/tensorflow/layout.h"
#include "core/formats/tensorflow/sizes.h"
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kLargest = 1 << 20;

// One spatial axis.
struct Spread {
  int64_t size;  // of the input
  int64_t out;
  int64_t kernel;
  int64_t stride;
  int64_t pad;  // of the forward convolution, in front

  // Padding of the spread input; negative cuts off.
  int64_t before() const { return kernel - 1 - pad; }
  int64_t after() const { return out + kernel - 1 - before() - size * stride; }
};

// Cells of padding in front that the forward convolution from `out` to `size` cells has.
Result<int64_t> ForwardPad(const OpContext& context, const Spread& axis, std::string_view padding) {
  int64_t want = axis.out;
  int64_t room = want - axis.kernel;
  int64_t expected = padding == "SAME" ? (want + axis.stride - 1) / axis.stride
                     : room < 0        ? 0
                                       : room / axis.stride + 1;
  if (expected != axis.size) {
    return context.Invalid("makes " + std::to_string(want) + " cells of " +
                           std::to_string(axis.size) + ", which do not belong together");
  }
  if (padding != "SAME") return int64_t{0};
  return std::max<int64_t>((axis.size - 1) * axis.stride + axis.kernel - want, 0) / 2;
}

// Height and width of input and output, which must be known.
Result<std::vector<Spread>> ReadSpreads(OpContext& context, Layout layout) {
  const Shape &x = context.shape(2), &filter = context.shape(1);
  auto out = FindKnownInts(context.graph(), context.input(0));
  size_t first = layout == Layout::kChannelsLast ? 1 : 2;
  if (!x.rank_known() || !filter.rank_known()) return context.Unsupported("has an unknown rank");
  if (x.rank() != 4 || filter.rank() != 4) return context.Invalid("is not about images");
  if (!out || out->size() != 4 || !(*out)[first] || !(*out)[first + 1]) {
    return context.Unsupported("makes images of a size that is not known");
  }
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> strides, SpatialPair(context, "strides", layout));
  std::string_view padding = context.String("padding", "");
  if (padding != "SAME" && padding != "VALID") return context.Unsupported("has EXPLICIT padding");
  std::vector<Spread> spreads;
  for (size_t i = 0; i < 2; ++i) {
    Spread axis{x[first + i], *(*out)[first + i], filter[i], strides[i], 0};
    if (axis.size < 0 || axis.kernel < 0) {
      return context.Unsupported("reads images or filters of unknown size");
    }
    if (axis.size < 1 || axis.kernel < 1 || axis.out < 1 || axis.size > kLargest ||
        axis.kernel > kLargest || axis.out > kLargest || axis.size * axis.stride > kLargest) {
      return context.Invalid("has senseless sizes");
    }
    MS_ASSIGN_OR_RETURN(axis.pad, ForwardPad(context, axis, padding));
    spreads.push_back(axis);
  }
  return spreads;
}

// x [N, C, H, W] with zeros behind each row and column, then padded.
ValueId SpreadOut(OpContext& context, ValueId x, const Shape& shape, const std::vector<Spread>& s) {
  if (s[0].stride > 1 || s[1].stride > 1) {
    SizeMaker sizes(&context);
    std::vector<Size> d = sizes.Of(x, shape);
    Size one = Size::Of(1);
    ValueId cells = sizes.Reshape(x, {d[0], d[1], d[2], one, d[3], one}, "cells");
    std::vector<int64_t> zeros(12, 0);
    zeros[9] = s[0].stride - 1;
    zeros[11] = s[1].stride - 1;
    ValueId spread = context.Helper("Pad", "spread", {cells, context.Ints("zeros", zeros)},
                                    {{"mode", "constant"}});
    x = sizes.Reshape(
        spread, {d[0], d[1], Size::Of(s[0].size * s[0].stride), Size::Of(s[1].size * s[1].stride)},
        "spread_image");
  }
  std::vector<int64_t> pads = {0, 0, s[0].before(), s[1].before(),
                               0, 0, s[0].after(),  s[1].after()};
  return context.Helper("Pad", "padded", {x, context.Ints("pads", pads)}, {{"mode", "constant"}});
}

// Inputs: shape of the output, filter [H, W, out, in], images.
Status Conv2DBackpropInput(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  MS_ASSIGN_OR_RETURN(Layout layout, DataFormat(context));
  for (int64_t dilation : context.Ints("dilations")) {
    if (dilation != 1) return context.Unsupported("has dilations");
  }
  MS_ASSIGN_OR_RETURN(std::vector<Spread> spreads, ReadSpreads(context, layout));
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  constexpr int64_t kBegin = std::numeric_limits<int64_t>::min();
  ValueId turned = context.Helper(
      "Slice", "turned",
      {context.input(1), context.Ints("from", {kEnd, kEnd}), context.Ints("to", {kBegin, kBegin}),
       context.Ints("turned_axes", {0, 1}), context.Ints("steps", {-1, -1})});
  ValueId filter =
      context.Helper("Transpose", "filter", {turned}, {{"perm", std::vector<int64_t>{2, 3, 0, 1}}});
  ValueId x = context.input(2);
  Shape shape = context.shape(2);
  if (layout == Layout::kChannelsLast) {
    x = ToChannelsFirst(context, "nchw", x);
    shape = Shape{shape[0], shape[3], shape[1], shape[2]};
  }
  x = SpreadOut(context, x, shape, spreads);
  if (layout == Layout::kChannelsFirst) return context.Emit("Conv", {x, filter});
  return EmitChannelsLast(context, context.Helper("Conv", "conv", {x, filter}));
}

// ---- Volumes [N, D, H, W, C] ----

// The three spatial numbers of a list of five.
Result<std::vector<int64_t>> SpatialTriple(const OpContext& context, std::string_view attr) {
  std::vector<int64_t> values = context.Ints(attr);
  if (values.size() != 5 || values[0] != 1 || values[4] != 1) {
    return context.Unsupported("has something else than 1, three numbers, 1 in its " +
                               std::string(attr));
  }
  for (int64_t value : values) {
    if (value < 1 || value > kLargest)
      return context.Invalid("has a senseless " + std::string(attr));
  }
  return std::vector<int64_t>{values[1], values[2], values[3]};
}

Status EmitVolume(OpContext& context, std::string_view onnx, std::vector<ValueId> inputs,
                  Attributes attrs) {
  if (context.String("data_format", "NDHWC") != "NDHWC") {
    return context.Unsupported("has its channels first");
  }
  std::string_view padding = context.String("padding", "");
  if (padding != "SAME" && padding != "VALID") return context.Invalid("has no known padding");
  if (padding == "SAME") attrs.emplace("auto_pad", "SAME_UPPER");
  inputs[0] = context.Helper("Transpose", "ncdhw", {inputs[0]},
                             {{"perm", std::vector<int64_t>{0, 4, 1, 2, 3}}});
  ValueId y = context.Helper(onnx, "window", std::move(inputs), std::move(attrs));
  return context.Emit("Transpose", {y}, {{"perm", std::vector<int64_t>{0, 2, 3, 4, 1}}});
}

Status Conv3D(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> strides, SpatialTriple(context, "strides"));
  Attributes attrs = {{"strides", strides}};
  if (!context.Ints("dilations").empty()) {
    MS_ASSIGN_OR_RETURN(std::vector<int64_t> dilations, SpatialTriple(context, "dilations"));
    attrs.emplace("dilations", dilations);
  }
  ValueId filter = context.Helper("Transpose", "filter", {context.input(1)},
                                  {{"perm", std::vector<int64_t>{4, 3, 0, 1, 2}}});
  return EmitVolume(context, "Conv", {context.input(0), filter}, std::move(attrs));
}

Status Pool3D(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> window, SpatialTriple(context, "ksize"));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> strides, SpatialTriple(context, "strides"));
  return EmitVolume(context, context.op() == "MaxPool3D" ? "MaxPool" : "AveragePool",
                    {context.input(0)}, {{"kernel_shape", window}, {"strides", strides}});
}

}  // namespace

void AddDeconvolutionTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"Conv2DBackpropInput", Conv2DBackpropInput},
                               {"Conv3D", Conv3D},
                               {"MaxPool3D", Pool3D},
                               {"AvgPool3D", Pool3D}});
}

}  // namespace midstream::tensorflow
