// Resizing of images whose size is known: rows and columns are gathered by constant positions, and
// for ResizeBilinear mixed by constant weights, in TensorFlow's order and float32 arithmetic.
#include <algorithm>
#include <cmath>

#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kLargestSide = 1 << 16;

// How one axis is resized.
struct Axis {
  int64_t from;
  int64_t to;
  bool align;       // corner centers meet
  bool half_pixel;  // pixels are centered at halves

  float scale() const {
    if (align && to > 1) return static_cast<float>(from - 1) / static_cast<float>(to - 1);
    return static_cast<float>(from) / static_cast<float>(to);
  }
  // Where output pixel i lies in the input.
  float Position(int64_t i) const {
    auto x = static_cast<float>(i);
    return half_pixel ? (x + 0.5f) * scale() - 0.5f : x * scale();
  }
  int64_t Nearest(int64_t i) const {
    auto x = static_cast<float>(i);
    float at = half_pixel ? (x + 0.5f) * scale() : x * scale();
    auto idx = static_cast<int64_t>(align ? std::round(at) : std::floor(at));
    return std::clamp<int64_t>(idx, 0, from - 1);
  }
};

Result<std::pair<Axis, Axis>> ReadAxes(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  auto sizes = context.ConstantInts(1);
  if (!sizes) return context.Unsupported("has a size that is not constant");
  const Shape& shape = context.shape(0);
  if (!shape.rank_known() || shape.rank() != 4 || shape[1] < 0 || shape[2] < 0) {
    return context.Unsupported("has images of unknown size");
  }
  for (int64_t side : {shape[1], shape[2]}) {
    if (side < 1 || side > kLargestSide) return context.Invalid("has images without pixels");
  }
  if (sizes->size() != 2) return context.Invalid("needs a height and a width");
  for (int64_t side : *sizes) {
    if (side < 1 || side > kLargestSide) return context.Invalid("has a senseless size");
  }
  bool align = context.Bool("align_corners", false),
       half = context.Bool("half_pixel_centers", false);
  return std::pair{Axis{shape[1], (*sizes)[0], align, half},
                   Axis{shape[2], (*sizes)[1], align, half}};
}

Status ResizeNearest(OpContext& context) {
  MS_ASSIGN_OR_RETURN(auto axes, ReadAxes(context));
  auto places = [](const Axis& axis) {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < axis.to; ++i) indices.push_back(axis.Nearest(i));
    return indices;
  };
  ValueId rows = context.Helper("Gather", "rows",
                                {context.input(0), context.Ints("row_places", places(axes.first))},
                                {{"axis", int64_t{1}}});
  return context.Emit("Gather", {rows, context.Ints("column_places", places(axes.second))},
                      {{"axis", int64_t{2}}});
}

// x at the lower places plus a part of the way to the upper ones, along `axis`.
ValueId Mix(OpContext& context, ValueId x, const Axis& axis, int64_t along) {
  std::vector<int64_t> lower, upper;
  std::vector<float> parts;
  for (int64_t i = 0; i < axis.to; ++i) {
    float at = axis.Position(i), floor = std::floor(at);
    lower.push_back(std::max<int64_t>(static_cast<int64_t>(floor), 0));
    upper.push_back(std::min<int64_t>(static_cast<int64_t>(std::ceil(at)), axis.from - 1));
    parts.push_back(at - floor);
  }
  Shape shape = along == 1 ? Shape{axis.to, 1, 1} : Shape{axis.to, 1};
  std::string side = along == 1 ? "rows" : "columns";
  Tensor weights = *Tensor::Copy(DType::kF32, shape, std::as_bytes(std::span(parts)));
  Attributes attrs = {{"axis", along}};
  ValueId low =
      context.Helper("Gather", side + "_low", {x, context.Ints(side + "_lower", lower)}, attrs);
  ValueId high =
      context.Helper("Gather", side + "_high", {x, context.Ints(side + "_upper", upper)}, attrs);
  ValueId way = context.Helper("Sub", side + "_way", {high, low});
  ValueId part = context.graph().AddConstant(context.name() + "/" + side + "_part", weights);
  return context.Helper("Add", side, {low, context.Helper("Mul", side + "_step", {way, part})});
}

Status ResizeBilinear(OpContext& context) {
  MS_ASSIGN_OR_RETURN(auto axes, ReadAxes(context));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId x = context.input(0);
  if (dtype != DType::kF32) x = context.CastTo("float", x, DType::kF32);
  x = Mix(context, x, axes.second, 2);
  return context.Emit("Identity", {Mix(context, x, axes.first, 1)});
}

}  // namespace

void AddResizeTranslations(TranslationTable* table) {
  table->insert(table->end(),
                {{"ResizeBilinear", ResizeBilinear}, {"ResizeNearestNeighbor", ResizeNearest}});
}

}  // namespace midstream::tensorflow
