// Lookups of rows in partitioned tables (partitioned_lookup.h) become one Gather over the joined
// tables. The join reads weights only, so it is derived once for each version of the weights.
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

// The part of each row, the row in its part, then the tables.
Status Stitch(OpContext& context) {
  if (context.input_count() < 3) {
    return context.Unsupported("is not the lookup of rows in a partitioned table");
  }
  std::vector<ValueId> tables(context.inputs().begin() + 2, context.inputs().end());
  std::vector<int64_t> sizes, starts;
  int64_t rows = 0;
  for (size_t i = 2; i < context.input_count(); ++i) {
    const Shape& shape = context.shape(i);
    if (!shape.rank_known() || shape.rank() == 0 || shape[0] == kUnknownDim) {
      return context.Unsupported("looks rows up in a table of unknown size");
    }
    starts.push_back(rows);
    sizes.push_back(shape[0]);
    rows += shape[0];
  }
  ValueId part = context.AsInt64(0);
  ValueId row = context.AsInt64(1);
  ValueId size = context.Helper("Gather", "size", {context.Ints("sizes", sizes), part});
  ValueId start = context.Helper("Gather", "start", {context.Ints("starts", starts), part});
  // A row outside its part must not be read from the next one; the index past the end is an error.
  ValueId not_negative =
      context.Helper("GreaterOrEqual", "first", {row, context.Scalar("zero", DType::kI64, 0)});
  ValueId inside =
      context.Helper("And", "inside", {not_negative, context.Helper("Less", "last", {row, size})});
  ValueId index =
      context.Helper("Where", "index",
                     {inside, context.Helper("Add", "sum", {start, row}),
                      context.Scalar("outside", DType::kI64, static_cast<double>(rows))});
  ValueId joined = context.Helper("Concat", "joined", tables, {{"axis", int64_t{0}}});
  return context.Emit("Gather", {joined, index}, {{"axis", int64_t{0}}});
}

}  // namespace

void AddPartitionTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"DynamicStitch", Stitch}, {"ParallelDynamicStitch", Stitch}});
}

}  // namespace midstream::tensorflow
