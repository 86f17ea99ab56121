// Operators that keep the elements and change the shape, or that tell it.
#include <algorithm>

#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

Status Identity(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAny));
  context.output().dtype = context.dtype(0);
  context.output().shape = context.shape(0);
  return OkStatus();
}

// Target dimensions of Reshape with 0 and -1 resolved as far as the input allows. Copied
// dimensions cancel out on both sides, so [0,-1] works for an unknown or empty batch.
Result<Shape> ReshapeTo(const InferContext& context, const std::vector<int64_t>& target) {
  bool allow_zero = context.node().Int("allowzero", 0) != 0;
  const Shape& x = context.shape(0);
  std::vector<int64_t> out = target;
  std::vector<int64_t> kept = target;  // what has to hold the elements of `rest`
  std::vector<int64_t> rest = x.dims();
  size_t inferred = target.size();
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] == -1 && inferred == target.size()) {
      inferred = i;
      kept[i] = 1;
    } else if (target[i] < 0) {
      return context.Error("expected sizes with at most one -1, got " + ToText(target));
    } else if (target[i] == 0 && !allow_zero) {
      if (!x.rank_known()) return Shape(std::vector<int64_t>(target.size(), kUnknownDim));
      if (i >= x.rank()) {
        return context.Error("dimension " + std::to_string(i) + " is to be copied from " +
                             x.ToString());
      }
      out[i] = x[i];
      kept[i] = rest[i] = 1;
    }
  }
  if (!x.rank_known()) return Shape(std::move(out));
  if (inferred == target.size()) return Shape(std::move(out));
  MS_ASSIGN_OR_RETURN(int64_t have, Product(context, rest, 0, rest.size()));
  MS_ASSIGN_OR_RETURN(int64_t want, Product(context, kept, 0, kept.size()));
  if (want == 0 || (have >= 0 && have % want != 0)) {
    return context.Error("cannot infer the -1 of " + ToText(target) + " for " + x.ToString());
  }
  out[inferred] = have < 0 ? kUnknownDim : have / want;
  return Shape(std::move(out));
}

Status Reshape(InferContext& context) {
  MS_RETURN_IF_ERROR(Identity(context));
  MS_ASSIGN_OR_RETURN(auto target, KnownInts(context, 1));
  Shape& out = context.output().shape;
  if (!target.has_value()) {
    MS_ASSIGN_OR_RETURN(out, UnknownOfRank(context, VectorLength(context, 1)));
    return OkStatus();
  }
  MS_ASSIGN_OR_RETURN(out, ReshapeTo(context, *target));
  const Shape& x = context.shape(0);
  if (!x.IsFullyKnown() || !out.IsFullyKnown()) return OkStatus();
  MS_ASSIGN_OR_RETURN(int64_t have, Product(context, x.dims(), 0, x.rank()));
  MS_ASSIGN_OR_RETURN(int64_t want, Product(context, out.dims(), 0, out.rank()));
  if (have == want) return OkStatus();
  return context.Error("expected a shape of " + std::to_string(have) + " elements for " +
                       x.ToString() + ", got " + out.ToString());
}

Status Transpose(InferContext& context) {
  MS_RETURN_IF_ERROR(Identity(context));
  const Shape& x = context.shape(0);
  std::vector<int64_t> perm = context.node().Ints("perm");
  if (!context.node().Has("perm")) {
    std::reverse(context.output().shape.mutable_dims().begin(),
                 context.output().shape.mutable_dims().end());
    return OkStatus();
  }
  std::vector<int64_t> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != static_cast<int64_t>(i)) {
      return context.Error("expected perm to be a permutation, got " + ToText(perm));
    }
  }
  if (x.rank_known() && perm.size() != x.rank()) {
    return context.Error("expected perm of " + std::to_string(x.rank()) + " entries for " +
                         x.ToString() + ", got " + ToText(perm));
  }
  std::vector<int64_t> out;
  for (int64_t axis : perm) {
    out.push_back(x.rank_known() ? x[static_cast<size_t>(axis)] : kUnknownDim);
  }
  context.output().shape = Shape(std::move(out));
  return OkStatus();
}

Status Squeeze(InferContext& context) {
  MS_RETURN_IF_ERROR(Identity(context));
  MS_ASSIGN_OR_RETURN(auto axes, KnownInts(context, 1));
  const Shape& x = context.shape(0);
  Shape& out = context.output().shape;
  out = Shape::UnknownRank();
  if (!x.rank_known() || (context.HasInput(1) && !axes.has_value())) return OkStatus();
  std::vector<bool> dropped(x.rank());
  if (axes.has_value()) {
    MS_ASSIGN_OR_RETURN(dropped, MarkAxes(context, *axes, x.rank()));
  } else {
    for (size_t i = 0; i < x.rank(); ++i) {
      if (x[i] < 0) return OkStatus();
      dropped[i] = x[i] == 1;
    }
  }
  std::vector<int64_t> dims;
  for (size_t i = 0; i < x.rank(); ++i) {
    if (!dropped[i]) {
      dims.push_back(x[i]);
    } else if (x[i] >= 0 && x[i] != 1) {
      return context.Error("expected size 1 at axis " + std::to_string(i) + " of " + x.ToString());
    }
  }
  out = Shape(std::move(dims));
  return OkStatus();
}

Status Unsqueeze(InferContext& context) {
  MS_RETURN_IF_ERROR(Identity(context));
  MS_ASSIGN_OR_RETURN(auto axes, KnownInts(context, 1));
  const Shape& x = context.shape(0);
  Shape& out = context.output().shape;
  out = Shape::UnknownRank();
  if (!x.rank_known()) return OkStatus();
  if (!axes.has_value()) {
    int64_t added = VectorLength(context, 1);
    if (added < 0) return OkStatus();
    MS_ASSIGN_OR_RETURN(int64_t rank, Add(context, added, static_cast<int64_t>(x.rank())));
    MS_ASSIGN_OR_RETURN(out, UnknownOfRank(context, rank));
    return OkStatus();
  }
  MS_ASSIGN_OR_RETURN(std::vector<bool> fresh, MarkAxes(context, *axes, x.rank() + axes->size()));
  std::vector<int64_t> dims;
  size_t next = 0;
  for (bool is_new : fresh) dims.push_back(is_new ? 1 : x[next++]);
  out = Shape(std::move(dims));
  return OkStatus();
}

Status Flatten(InferContext& context) {
  MS_RETURN_IF_ERROR(Identity(context));
  const Shape& x = context.shape(0);
  context.output().shape = Shape{kUnknownDim, kUnknownDim};
  if (!x.rank_known()) return OkStatus();
  auto rank = static_cast<int64_t>(x.rank());
  int64_t axis = context.node().Int("axis", 1);
  if (axis < -rank || axis > rank) {
    return context.Error("expected an axis in [" + std::to_string(-rank) + "," +
                         std::to_string(rank) + "], got " + std::to_string(axis));
  }
  auto split = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  MS_ASSIGN_OR_RETURN(int64_t rows, Product(context, x.dims(), 0, split));
  MS_ASSIGN_OR_RETURN(int64_t columns, Product(context, x.dims(), split, x.rank()));
  context.output().shape = Shape{rows, columns};
  return OkStatus();
}

Status Expand(InferContext& context) {
  MS_RETURN_IF_ERROR(Identity(context));
  MS_ASSIGN_OR_RETURN(auto target, KnownInts(context, 1));
  Shape to;
  if (target.has_value()) {
    MS_RETURN_IF_ERROR(CheckSizes(context, *target));
    to = Shape(*target);
  } else {
    MS_ASSIGN_OR_RETURN(to, UnknownOfRank(context, VectorLength(context, 1)));
  }
  MS_ASSIGN_OR_RETURN(context.output().shape, Broadcast(context, context.shape(0), to));
  return OkStatus();
}

Status ShapeOf(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAny));
  auto& out = context.output();
  out.dtype = DType::kI64;
  out.shape = Shape{kUnknownDim};
  const Shape& x = context.shape(0);
  if (!x.rank_known()) return OkStatus();
  auto rank = static_cast<int64_t>(x.rank());
  auto clamp = [rank](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank); };
  int64_t start = clamp(context.node().Int("start", 0));
  int64_t end = std::max(start, clamp(context.node().Int("end", rank)));
  std::vector<int64_t> dims(x.dims().begin() + start, x.dims().begin() + end);
  out.shape = Shape{end - start};
  if (Shape(dims).IsFullyKnown()) out.constant = Tensor::FromInts(dims);
  return OkStatus();
}

Status SizeOf(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAny));
  auto& out = context.output();
  out.dtype = DType::kI64;
  out.shape = Shape{};
  const Shape& x = context.shape(0);
  if (!x.rank_known()) return OkStatus();
  MS_ASSIGN_OR_RETURN(int64_t count, Product(context, x.dims(), 0, x.rank()));
  if (count >= 0) out.constant = Tensor::Scalar<int64_t>(DType::kI64, count);
  return OkStatus();
}

}  // namespace

void AddShapeSchemas(std::vector<OpSchema>* table) {
  table->push_back({kOnnxDomain, "Identity", 1, 1, 1, 1, Identity});
  table->push_back({kOnnxDomain, "Reshape", 2, 2, 1, 1, Reshape});
  table->push_back({kOnnxDomain, "Transpose", 1, 1, 1, 1, Transpose});
  table->push_back({kOnnxDomain, "Squeeze", 1, 2, 1, 1, Squeeze});
  table->push_back({kOnnxDomain, "Unsqueeze", 2, 2, 1, 1, Unsqueeze});
  table->push_back({kOnnxDomain, "Flatten", 1, 1, 1, 1, Flatten});
  table->push_back({kOnnxDomain, "Expand", 2, 2, 1, 1, Expand});
  table->push_back({kOnnxDomain, "Shape", 1, 1, 1, 1, ShapeOf});
  table->push_back({kOnnxDomain, "Size", 1, 1, 1, 1, SizeOf});
}

}  // namespace midstream::infer
