// Operators that copy elements to other places: Concat, Split, Slice, Gather, Pad, Tile.
#include <algorithm>

#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

// The output has the dtype of input 0.
Status LikeInput(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAny));
  context.output().dtype = context.dtype(0);
  return OkStatus();
}

Result<int64_t> RequiredAxis(const InferContext& context) {
  if (!context.node().Has("axis")) return context.Error("attribute 'axis' is missing");
  return context.node().Int("axis", 0);
}

Status Concat(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context));
  MS_ASSIGN_OR_RETURN(int64_t signed_axis, RequiredAxis(context));
  Shape out = Shape::UnknownRank();
  bool axis_known = true;
  for (size_t i = 0; i < context.input_count(); ++i) {
    MS_RETURN_IF_ERROR(CheckDType(context, i, kAny));
    MS_RETURN_IF_ERROR(CheckSameDType(context, 0, i));
    const Shape& x = context.shape(i);
    if (!x.rank_known()) {
      axis_known = false;
      continue;
    }
    MS_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(context, signed_axis, x.rank()));
    if (x[axis] < 0) axis_known = false;
    if (!out.rank_known()) {
      out = x;
      continue;
    }
    MS_RETURN_IF_ERROR(CheckRank(context, i, out.rank()));
    for (size_t d = 0; d < x.rank(); ++d) {
      int64_t& size = out.mutable_dims()[d];
      if (d != axis) {
        MS_ASSIGN_OR_RETURN(size, SameDim(context, "sizes beside the axis", size, x[d]));
      } else if (axis_known) {
        MS_ASSIGN_OR_RETURN(size, Add(context, size, x[d]));
      }
    }
  }
  if (out.rank_known() && !axis_known) {
    MS_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(context, signed_axis, out.rank()));
    out.mutable_dims()[axis] = kUnknownDim;
  }
  context.output().shape = std::move(out);
  return OkStatus();
}

// Sizes of the parts of Split: the input `split`, or num_outputs parts of equal size of which the
// last may be smaller.
Result<std::vector<int64_t>> SplitSizes(const InferContext& context, int64_t size) {
  auto parts = static_cast<int64_t>(context.output_count());
  MS_ASSIGN_OR_RETURN(auto split, KnownInts(context, 1));
  if (split.has_value()) {
    int64_t total = 0;
    for (int64_t part : *split) {
      if (part < 0) return context.Error("expected sizes >= 0, got " + ToText(*split));
      MS_ASSIGN_OR_RETURN(total, Add(context, total, part));
    }
    if (static_cast<int64_t>(split->size()) != parts || (size >= 0 && total != size)) {
      return context.Error("expected " + std::to_string(parts) + " sizes that sum to " +
                           (size < 0 ? "?" : std::to_string(size)) + ", got " + ToText(*split));
    }
    return *split;
  }
  std::vector<int64_t> sizes(static_cast<size_t>(parts), kUnknownDim);
  if (context.HasInput(1) || size < 0) return sizes;
  int64_t chunk = size / parts + (size % parts != 0 ? 1 : 0);
  int64_t last = size - chunk * (parts - 1);
  if (last < 0) {
    return context.Error("cannot split " + std::to_string(size) + " elements into " +
                         std::to_string(parts) + " parts of " + std::to_string(chunk));
  }
  std::fill(sizes.begin(), sizes.end(), chunk);
  sizes.back() = last;
  return sizes;
}

Status Split(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAny));
  auto parts = static_cast<int64_t>(context.output_count());
  if (context.node().Int("num_outputs", parts) != parts) {
    return context.Error("expected num_outputs to be the number of outputs " +
                         std::to_string(parts) + ", got " +
                         std::to_string(context.node().Int("num_outputs", parts)));
  }
  const Shape& x = context.shape(0);
  size_t axis = 0;
  if (x.rank_known()) {
    MS_ASSIGN_OR_RETURN(axis, NormalizeAxis(context, context.node().Int("axis", 0), x.rank()));
  }
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> sizes,
                      SplitSizes(context, x.rank_known() ? x[axis] : kUnknownDim));
  for (size_t i = 0; i < sizes.size(); ++i) {
    context.output(i).dtype = context.dtype(0);
    context.output(i).shape = x;
    if (x.rank_known()) context.output(i).shape.mutable_dims()[axis] = sizes[i];
  }
  return OkStatus();
}

// Elements from start to end (exclusive) in steps; Requires: step != 0 and size >= 0.
int64_t SliceLength(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (start < 0) start += size;
  if (end < 0) end += size;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, size);
    end = std::clamp<int64_t>(end, 0, size);
    return end > start ? (end - start - 1) / step + 1 : 0;
  }
  start = std::clamp<int64_t>(start, -1, size - 1);
  end = std::clamp<int64_t>(end, -1, size - 1);
  step = std::max(step, -INT64_MAX);
  return start > end ? (start - end - 1) / -step + 1 : 0;
}

Result<Shape> SliceShape(const InferContext& context, const Shape& x) {
  MS_ASSIGN_OR_RETURN(auto starts, KnownInts(context, 1));
  MS_ASSIGN_OR_RETURN(auto ends, KnownInts(context, 2));
  MS_ASSIGN_OR_RETURN(auto axes, KnownInts(context, 3));
  MS_ASSIGN_OR_RETURN(auto steps, KnownInts(context, 4));
  int64_t length = kUnknownDim;
  for (size_t i = 1; i < 5; ++i) {
    if (!context.HasInput(i)) continue;
    MS_ASSIGN_OR_RETURN(length, SameDim(context, "lengths of starts, ends, axes and steps", length,
                                        VectorLength(context, i)));
  }
  if (!x.rank_known()) return x;
  auto rank = static_cast<int64_t>(x.rank());
  if ((context.HasInput(3) && !axes.has_value()) || length < 0) {
    return Shape(std::vector<int64_t>(x.rank(), kUnknownDim));
  }
  if (length > rank) {
    return context.Error("expected at most " + std::to_string(rank) + " starts for " +
                         x.ToString() + ", got " + std::to_string(length));
  }
  if (axes.has_value()) MS_RETURN_IF_ERROR(MarkAxes(context, *axes, x.rank()).status());
  Shape out = x;
  for (size_t i = 0; i < static_cast<size_t>(length); ++i) {
    auto axis = static_cast<size_t>(axes ? ((*axes)[i] + rank) % rank : static_cast<int64_t>(i));
    bool known = starts && ends && (steps || !context.HasInput(4)) && x[axis] >= 0;
    int64_t step = steps ? (*steps)[i] : 1;
    if (step == 0) return context.Error("expected steps other than 0, got " + ToText(*steps));
    out.mutable_dims()[axis] =
        known ? SliceLength(x[axis], (*starts)[i], (*ends)[i], step) : kUnknownDim;
  }
  return out;
}

Status Slice(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context));
  MS_ASSIGN_OR_RETURN(context.output().shape, SliceShape(context, context.shape(0)));
  return OkStatus();
}

Status CheckIndices(const InferContext& context, size_t input) {
  MS_RETURN_IF_ERROR(CheckDType(context, input, kSigned));
  DType dtype = context.dtype(input);
  if (dtype == DType::kI64 || dtype == DType::kI32) return OkStatus();
  return context.Error("expected indices of int32 or int64, got " + std::string(DTypeName(dtype)));
}

Status Gather(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context));
  MS_RETURN_IF_ERROR(CheckIndices(context, 1));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 1));
  const Shape& x = context.shape(0);
  const Shape& indices = context.shape(1);
  if (!x.rank_known()) return OkStatus();
  MS_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(context, context.node().Int("axis", 0), x.rank()));
  if (!indices.rank_known()) return OkStatus();
  std::vector<int64_t> out(x.dims().begin(), x.dims().begin() + static_cast<ptrdiff_t>(axis));
  out.insert(out.end(), indices.dims().begin(), indices.dims().end());
  out.insert(out.end(), x.dims().begin() + static_cast<ptrdiff_t>(axis) + 1, x.dims().end());
  context.output().shape = Shape(std::move(out));
  return OkStatus();
}

// One axis of Pad. Negative pads cut off.
Result<int64_t> PaddedSize(const InferContext& context, const std::string& mode, int64_t size,
                           int64_t begin, int64_t end) {
  if (size < 0) return begin == 0 && end == 0 ? size : kUnknownDim;
  MS_ASSIGN_OR_RETURN(int64_t out, Add(context, size, begin));
  MS_ASSIGN_OR_RETURN(out, Add(context, out, end));
  if (out < 0) {
    return context.Error("pads " + std::to_string(begin) + " and " + std::to_string(end) +
                         " cut more than the size " + std::to_string(size));
  }
  int64_t most = std::max(begin, end);
  if (mode == "reflect" && most > 0 && most >= size) {
    return context.Error("expected pads below the size " + std::to_string(size) +
                         " for mode reflect, got " + std::to_string(most));
  }
  if (mode == "edge" && size == 0 && out > 0) {
    return context.Error("an axis of size 0 has no edge to repeat");
  }
  return out;
}

Status Pad(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context));
  std::string mode = context.node().String("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge") {
    return context.Error("expected mode constant, reflect or edge, got '" + mode + "'");
  }
  if (context.HasInput(2)) MS_RETURN_IF_ERROR(CheckSameDType(context, 0, 2));
  MS_ASSIGN_OR_RETURN(auto pads, KnownInts(context, 1));
  MS_ASSIGN_OR_RETURN(auto axes, KnownInts(context, 3));
  const Shape& x = context.shape(0);
  Shape& out = context.output().shape;
  if (!x.rank_known()) return OkStatus();
  out = Shape(std::vector<int64_t>(x.rank(), kUnknownDim));
  if (!pads.has_value() || (context.HasInput(3) && !axes.has_value())) return OkStatus();
  size_t n = axes ? axes->size() : x.rank();
  if (axes.has_value()) MS_RETURN_IF_ERROR(MarkAxes(context, *axes, x.rank()).status());
  if (pads->size() != 2 * n) {
    return context.Error("expected " + std::to_string(2 * n) + " pads, got " + ToText(*pads));
  }
  out = x;
  for (size_t i = 0; i < n; ++i) {
    size_t axis = i;
    if (axes) {
      MS_ASSIGN_OR_RETURN(axis, NormalizeAxis(context, (*axes)[i], x.rank()));
    }
    MS_ASSIGN_OR_RETURN(out.mutable_dims()[axis],
                        PaddedSize(context, mode, x[axis], (*pads)[i], (*pads)[n + i]));
  }
  return OkStatus();
}

Status Tile(InferContext& context) {
  MS_RETURN_IF_ERROR(LikeInput(context));
  MS_ASSIGN_OR_RETURN(auto repeats, KnownInts(context, 1));
  const Shape& x = context.shape(0);
  if (!x.rank_known()) return OkStatus();
  Shape& out = context.output().shape;
  out = Shape(std::vector<int64_t>(x.rank(), kUnknownDim));
  if (!repeats.has_value()) return OkStatus();
  MS_RETURN_IF_ERROR(CheckSizes(context, *repeats));
  if (repeats->size() != x.rank()) {
    return context.Error("expected " + std::to_string(x.rank()) + " repeats for " + x.ToString() +
                         ", got " + ToText(*repeats));
  }
  for (size_t i = 0; i < x.rank(); ++i) {
    if (x[i] < 0) continue;
    MS_ASSIGN_OR_RETURN(out.mutable_dims()[i], Multiply(context, x[i], (*repeats)[i]));
  }
  return OkStatus();
}

}  // namespace

void AddDataMovementSchemas(std::vector<OpSchema>* table) {
  table->push_back({kOnnxDomain, "Concat", 1, -1, 1, 1, Concat});
  table->push_back({kOnnxDomain, "Split", 1, 2, 1, -1, Split});
  table->push_back({kOnnxDomain, "Slice", 3, 5, 1, 1, Slice});
  table->push_back({kOnnxDomain, "Gather", 2, 2, 1, 1, Gather});
  table->push_back({kOnnxDomain, "Pad", 2, 4, 1, 1, Pad});
  table->push_back({kOnnxDomain, "Tile", 2, 2, 1, 1, Tile});
}

}  // namespace midstream::infer
