// Conditionals that are decided at run time: all branches are computed and one is chosen.
//
// The engine chooses element by element, which is the same as long as the branches have one shape.
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

// Dimensions that are not known yet are compared when they are: see Where in docs/operators.md.
Attributes Branches() { return {{"branches", int64_t{1}}}; }

// Requires: `first` and `second` are inputs. Errors: UNIMPLEMENTED for shapes that differ.
Status ExpectSameShape(const OpContext& context, size_t first, size_t second) {
  const Shape& a = context.shape(first);
  const Shape& b = context.shape(second);
  if (!a.rank_known() || !b.rank_known()) return OkStatus();
  bool same = a.rank() == b.rank();
  for (size_t i = 0; same && i < a.rank(); ++i) {
    same = a[i] == b[i] || a[i] == kUnknownDim || b[i] == kUnknownDim;
  }
  if (same) return OkStatus();
  return context.Unsupported("chooses between the shapes " + a.ToString() + " and " + b.ToString() +
                             " at run time");
}

// Predicate, value if true, value if false.
Status Merge(OpContext& context) {
  if (context.input_count() != 3) {
    return context.Unsupported("is not part of a conditional (a loop?)");
  }
  MS_RETURN_IF_ERROR(ExpectSameShape(context, 1, 2));
  return context.Emit("Where", context.inputs(), Branches());
}

// Selector, value for 0, value for 1, ...
Status Choose(OpContext& context) {
  size_t values = context.input_count() - 1;
  for (size_t i = 2; i <= values; ++i) MS_RETURN_IF_ERROR(ExpectSameShape(context, 1, i));
  ValueId selector = context.input(0);
  if (context.graph().value(selector).dtype == DType::kBool) {
    if (values != 2) return context.Invalid("has a boolean selector and not two branches");
    return context.Emit("Where", {selector, context.input(2), context.input(1)}, Branches());
  }
  ValueId chosen = context.input(values);
  selector = context.AsInt64(0);
  for (size_t i = 0; i + 1 < values; ++i) {
    std::string suffix = std::to_string(i);
    ValueId index = context.Scalar("index" + suffix, DType::kI64, static_cast<double>(i));
    ValueId here = context.Helper("Equal", "equal" + suffix, {selector, index});
    if (i + 2 == values)
      return context.Emit("Where", {here, context.input(i + 1), chosen}, Branches());
    chosen = context.Helper("Where", "chosen" + suffix, {here, context.input(i + 1), chosen},
                            Branches());
  }
  return context.Return(chosen);
}

}  // namespace

void AddChoiceTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"Merge", Merge}, {"RefMerge", Merge}, {"Choose", Choose}});
}

}  // namespace midstream::tensorflow
