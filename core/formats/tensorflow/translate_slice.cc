// Operators that take parts of a tensor.
#include <limits>

#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
constexpr int64_t kBegin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMostParts = 1 << 16;
constexpr size_t kHighestRank = 32;  // masks are bit sets over the specification

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? kEnd : sum;
}

Status Slice(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  auto begin = context.ConstantInts(1);
  auto size = context.ConstantInts(2);
  if (begin && size) {
    if (begin->size() != size->size())
      return context.Invalid("has begins and sizes for other axes");
    std::vector<int64_t> end(begin->size(), kEnd);  // a size of -1: all that is left
    for (size_t i = 0; i < end.size(); ++i) {
      if ((*size)[i] >= 0) end[i] = SaturatingAdd((*begin)[i], (*size)[i]);
    }
    return context.Emit(
        "Slice", {context.input(0), context.Ints("starts", *begin), context.Ints("ends", end)});
  }
  ValueId starts = context.AsInt64(1);
  ValueId sizes = context.AsInt64(2);
  ValueId rest = context.Helper("Less", "rest", {sizes, context.Ints("zero", {0})});
  ValueId ends = context.Helper("Add", "stops", {starts, sizes});
  ends = context.Helper("Where", "ends", {rest, context.Ints("all", {kEnd}), ends});
  return context.Emit("Slice", {context.input(0), starts, ends});
}

// The masks of a StridedSlice, one bit for each entry of its specification.
struct Masks {
  explicit Masks(const OpContext& context)
      : begin(context.Int("begin_mask", 0)),
        end(context.Int("end_mask", 0)),
        ellipsis(context.Int("ellipsis_mask", 0)),
        new_axis(context.Int("new_axis_mask", 0)),
        shrink(context.Int("shrink_axis_mask", 0)) {}
  static bool Has(int64_t mask, size_t i) { return mask >> i & 1; }

  int64_t begin, end, ellipsis, new_axis, shrink;
};

// Which axes a specification talks about, and what becomes of them.
struct SlicePlan {
  std::vector<size_t> entries;    // of the specification, that slice
  std::vector<int64_t> axes;      // of the input, one for each entry
  std::vector<int64_t> squeezed;  // axes of the input that go
  std::vector<int64_t> new_axes;  // axes of the result that come
};

Result<SlicePlan> MakePlan(const OpContext& context, const Masks& masks, size_t entries) {
  SlicePlan plan;
  int64_t consumed = 0;  // axes that the specification names
  for (size_t i = 0; i < entries; ++i) {
    bool names_axis = !Masks::Has(masks.ellipsis, i) && !Masks::Has(masks.new_axis, i);
    consumed += names_axis ? 1 : 0;
  }
  int64_t axis = 0;
  int64_t position = 0;  // in the result
  for (size_t i = 0; i < entries; ++i) {
    if (Masks::Has(masks.ellipsis, i)) {
      bool last = i + 1 == entries;
      if (last) break;
      if (!context.shape(0).rank_known()) {
        return context.Unsupported("has an ellipsis over an unknown rank");
      }
      int64_t skipped = static_cast<int64_t>(context.shape(0).rank()) - consumed;
      if (skipped < 0) return context.Invalid("slices more axes than its input has");
      axis += skipped;
      position += skipped;
    } else if (Masks::Has(masks.new_axis, i)) {
      plan.new_axes.push_back(position++);
    } else {
      plan.entries.push_back(i);
      plan.axes.push_back(axis);
      if (Masks::Has(masks.shrink, i)) {
        plan.squeezed.push_back(axis);
      } else {
        ++position;
      }
      ++axis;
    }
  }
  return plan;
}

struct Bounds {
  ValueId starts = kNoValue;
  ValueId ends = kNoValue;
};

Bounds ConstantBounds(OpContext& context, const Masks& masks, const SlicePlan& plan,
                      const std::vector<int64_t>& begin, const std::vector<int64_t>& end,
                      const std::vector<int64_t>& strides) {
  std::vector<int64_t> starts, ends;
  for (size_t i : plan.entries) {
    bool forward = strides[i] > 0;
    if (Masks::Has(masks.shrink, i)) {
      starts.push_back(begin[i]);
      ends.push_back(begin[i] == -1 ? kEnd : SaturatingAdd(begin[i], 1));
      continue;
    }
    starts.push_back(!Masks::Has(masks.begin, i) ? begin[i] : forward ? 0 : kEnd);
    ends.push_back(!Masks::Has(masks.end, i) ? end[i] : forward ? kEnd : kBegin);
  }
  return {context.Ints("starts", starts), context.Ints("ends", ends)};
}

// Bounds that are computed by the graph: the masked ones are replaced, a shrunk axis ends one
// behind its begin, which for the last element (-1) is the end of the axis.
Bounds ComputedBounds(OpContext& context, const Masks& masks, const SlicePlan& plan,
                      const std::vector<int64_t>& strides) {
  std::vector<int64_t> entries, free_begin, free_end, shrink, first, last;
  for (size_t i : plan.entries) {
    bool forward = strides[i] > 0;
    bool shrunk = Masks::Has(masks.shrink, i);
    entries.push_back(static_cast<int64_t>(i));
    free_begin.push_back(!shrunk && Masks::Has(masks.begin, i));
    free_end.push_back(!shrunk && Masks::Has(masks.end, i));
    shrink.push_back(shrunk);
    first.push_back(forward ? 0 : kEnd);
    last.push_back(forward ? kEnd : kBegin);
  }
  ValueId which = context.Ints("entries", entries);
  ValueId zero = context.Ints("zero", {0});
  auto flags = [&](std::string_view suffix, const std::vector<int64_t>& values) {
    ValueId numbers = context.Ints(std::string(suffix) + "_flags", values);
    return context.Helper("Greater", suffix, {numbers, zero});
  };
  ValueId begin = context.Helper("Gather", "begin", {context.AsInt64(1), which});
  ValueId end = context.Helper("Gather", "end", {context.AsInt64(2), which});
  ValueId starts = context.Helper(
      "Where", "starts", {flags("free_begin", free_begin), context.Ints("first", first), begin});
  ValueId next = context.Helper("Add", "next", {begin, context.Ints("one", {1})});
  ValueId is_last = context.Helper("Equal", "is_last", {next, zero});
  next = context.Helper("Where", "behind", {is_last, context.Ints("all", {kEnd}), next});
  ValueId ends = context.Helper("Where", "stops",
                                {flags("free_end", free_end), context.Ints("last", last), end});
  ends = context.Helper("Where", "ends", {flags("shrunk", shrink), next, ends});
  return {starts, ends};
}

Status StridedSlice(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(4));
  auto strides = context.ConstantInts(3);
  if (!strides) return context.Unsupported("has strides that are not constant");
  if (strides->size() > kHighestRank) return context.Invalid("has too many axes");
  for (int64_t stride : *strides) {
    if (stride == 0) return context.Invalid("has a stride of 0");
  }
  Masks masks(context);
  MS_ASSIGN_OR_RETURN(SlicePlan plan, MakePlan(context, masks, strides->size()));
  auto begin = context.ConstantInts(1);
  auto end = context.ConstantInts(2);
  if ((begin && begin->size() != strides->size()) || (end && end->size() != strides->size())) {
    return context.Invalid("has begins, ends and strides of different lengths");
  }
  ValueId value = context.input(0);
  if (!plan.entries.empty()) {
    Bounds bounds = begin && end ? ConstantBounds(context, masks, plan, *begin, *end, *strides)
                                 : ComputedBounds(context, masks, plan, *strides);
    std::vector<int64_t> steps;
    for (size_t i : plan.entries) steps.push_back((*strides)[i]);
    std::vector<ValueId> inputs = {value, bounds.starts, bounds.ends,
                                   context.Ints("axes", plan.axes), context.Ints("steps", steps)};
    if (plan.squeezed.empty() && plan.new_axes.empty()) return context.Emit("Slice", inputs);
    value = context.Helper("Slice", "slice", inputs);
  }
  if (!plan.squeezed.empty()) {
    std::vector<ValueId> inputs = {value, context.Ints("squeezed", plan.squeezed)};
    if (plan.new_axes.empty()) return context.Emit("Squeeze", inputs);
    value = context.Helper("Squeeze", "squeeze", inputs);
  }
  if (plan.new_axes.empty()) return context.Return(value);
  return context.Emit("Unsqueeze", {value, context.Ints("new_axes", plan.new_axes)});
}

Status CheckParts(const OpContext& context, int64_t parts) {
  if (parts >= 1 && parts <= kMostParts) return OkStatus();
  return context.Invalid("makes " + std::to_string(parts) + " parts");
}

Status EmitSplit(OpContext& context, std::vector<ValueId> inputs, Attributes attrs, size_t parts) {
  NodeId split =
      context.graph().AddNode("Split", context.name(), std::move(inputs), std::move(attrs), parts);
  return context.ReturnAll(context.graph().node(split).outputs);
}

Status Split(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(int64_t axis, context.ConstantInt(0, "axis"));
  int64_t parts = context.Int("num_split", 0);
  MS_RETURN_IF_ERROR(CheckParts(context, parts));
  return EmitSplit(context, {context.input(1)}, {{"axis", axis}, {"num_outputs", parts}},
                   static_cast<size_t>(parts));
}

// A size of -1 is what the other sizes leave.
Status FillRest(const OpContext& context, int64_t axis, std::vector<int64_t>* sizes) {
  int64_t* rest = nullptr;
  int64_t sum = 0;
  for (int64_t& size : *sizes) {
    if (size >= 0) {
      sum = SaturatingAdd(sum, size);
    } else if (rest != nullptr) {
      return context.Invalid("leaves two sizes open");
    } else {
      rest = &size;
    }
  }
  if (rest == nullptr) return OkStatus();
  const Shape& shape = context.shape(0);
  auto rank = static_cast<int64_t>(shape.rank());
  if (shape.rank_known() && axis < 0) axis += rank;
  bool known = shape.rank_known() && axis >= 0 && axis < rank &&
               shape[static_cast<size_t>(axis)] != kUnknownDim;
  if (!known) return context.Unsupported("leaves a size open on an axis of unknown size");
  *rest = shape[static_cast<size_t>(axis)] - sum;
  return *rest < 0 ? context.Invalid("has sizes beyond its input") : OkStatus();
}

Status SplitV(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  MS_ASSIGN_OR_RETURN(int64_t axis, context.ConstantInt(2, "axis"));
  auto sizes = context.ConstantInts(1);
  if (!sizes) return context.Unsupported("has sizes that are not constant");
  MS_RETURN_IF_ERROR(CheckParts(context, static_cast<int64_t>(sizes->size())));
  MS_RETURN_IF_ERROR(FillRest(context, axis, &*sizes));
  return EmitSplit(context, {context.input(0), context.Ints("split", *sizes)}, {{"axis", axis}},
                   sizes->size());
}

Status Unpack(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  int64_t parts = context.Int("num", 0);
  int64_t axis = context.Int("axis", 0);
  if (parts == 0) return context.ReturnAll({});
  MS_RETURN_IF_ERROR(CheckParts(context, parts));
  NodeId split =
      context.graph().AddNode("Split", context.name() + "/split", {context.input(0)},
                              {{"axis", axis}, {"num_outputs", parts}}, static_cast<size_t>(parts));
  std::vector<ValueId> pieces = context.graph().node(split).outputs;
  ValueId axes = context.Ints("axes", {axis});
  std::vector<ValueId> outputs;
  for (size_t i = 0; i < pieces.size(); ++i) {
    std::string name = context.name() + (i == 0 ? "" : ":" + std::to_string(i));
    outputs.push_back(context.graph().Add("Squeeze", name, {pieces[i], axes}));
  }
  return context.ReturnAll(std::move(outputs));
}

// The first `batch` axes of x and of the indices go together. The axis is brought behind them, and
// what lay between is brought back in front of the axes of the indices.
Status BatchGather(OpContext& context, int64_t axis, int64_t batch) {
  const Shape &x = context.shape(0), &indices = context.shape(1);
  if (!x.rank_known() || !indices.rank_known()) {
    return context.Unsupported("gathers in batches from a tensor of unknown rank");
  }
  auto rank = static_cast<int64_t>(x.rank()), depth = static_cast<int64_t>(indices.rank());
  if (batch < 0) batch += depth;
  if (axis < 0) axis += rank;
  if (batch < 0 || batch > depth || axis < batch || axis >= rank) {
    return context.Invalid("has an axis or batch_dims outside its inputs");
  }
  ValueId from = context.input(0);
  if (axis > batch) {
    std::vector<int64_t> perm;
    for (int64_t i = 0; i < rank; ++i) {
      perm.push_back(i < batch || i > axis ? i : i == batch ? axis : i - 1);
    }
    from = context.Helper("Transpose", "turned", {from}, {{"perm", perm}});
  }
  ValueId places = context.Helper("Unsqueeze", "places",
                                  {context.AsInt64(1), context.Ints("places_axis", {-1})});
  Attributes attrs = {{"batch_dims", batch}};
  if (axis == batch) return context.Emit("GatherND", {from, places}, std::move(attrs));
  ValueId gathered = context.Helper("GatherND", "gathered", {from, places}, std::move(attrs));
  std::vector<int64_t> back;
  const int64_t between = axis - batch, found = depth - batch;
  for (int64_t i = 0; i < rank - 1 + found; ++i) {
    bool is_between = i >= batch && i < axis, is_found = i >= axis && i < axis + found;
    back.push_back(is_between ? i + found : is_found ? i - between : i);
  }
  return context.Emit("Transpose", {gathered}, {{"perm", back}});
}

Status Gather(OpContext& context) {
  bool has_axis = context.op() == "GatherV2";
  MS_RETURN_IF_ERROR(context.ExpectInputs(has_axis ? 3 : 2));
  int64_t axis = 0;
  if (has_axis) {
    MS_ASSIGN_OR_RETURN(axis, context.ConstantInt(2, "axis"));
  }
  if (int64_t batch = context.Int("batch_dims", 0); batch != 0) {
    return BatchGather(context, axis, batch);
  }
  return context.Emit("Gather", {context.input(0), context.input(1)}, {{"axis", axis}});
}

}  // namespace

void AddSliceTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"Slice", Slice},
                               {"StridedSlice", StridedSlice},
                               {"Split", Split},
                               {"SplitV", SplitV},
                               {"Unpack", Unpack},
                               {"Gather", Gather},
                               {"GatherV2", Gather},
                               {"ResourceGather", Gather}});
}

}  // namespace midstream::tensorflow
