// Diagonals and bands of matrices: a mask of the places, made from two ranges, chooses.
#include "core/formats/tensorflow/sizes.h"
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

// 0, 1, ... of a size, as a row [1, n] or a column [n, 1].
ValueId Positions(OpContext& context, SizeMaker* sizes, Size n, bool row) {
  std::string side = row ? "columns" : "rows";
  ValueId range = context.Helper("Range", side + "_range",
                                 {context.Scalar(side + "_from", DType::kI64, 0), sizes->Scalar(n),
                                  context.Scalar(side + "_step", DType::kI64, 1)});
  return context.Helper("Unsqueeze", side, {range, context.Ints(side + "_axis", {row ? 0 : 1})});
}

// Column minus row at each place of a matrix.
ValueId Offsets(OpContext& context, SizeMaker* sizes, Size rows, Size columns) {
  ValueId column = Positions(context, sizes, columns, true);
  return context.Helper("Sub", "offsets", {column, Positions(context, sizes, rows, false)});
}

ValueId DiagonalMask(OpContext& context, SizeMaker* sizes, Size rows, Size columns) {
  ValueId offsets = Offsets(context, sizes, rows, columns);
  return context.Helper("Equal", "mask", {offsets, context.Scalar("no_offset", DType::kI64, 0)});
}

// The forms of TensorFlow 2 can do more: only the main diagonal of a plain matrix is made.
Status CheckMainDiagonal(OpContext& context, size_t first, size_t last) {
  for (size_t i = first; i < context.input_count(); ++i) {
    if (i > last) break;
    auto number = context.ConstantInts(i);
    int64_t plain = i == first ? 0 : -1;
    if (!number || number->size() != 1 || number->front() != plain) {
      return context.Unsupported("is about more than the main diagonal");
    }
  }
  return OkStatus();
}

Status MatrixDiag(OpContext& context) {
  if (context.input_count() == 0) return context.Invalid("has no inputs");
  MS_RETURN_IF_ERROR(CheckMainDiagonal(context, 1, 3));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  const Shape& shape = context.shape(0);
  if (!shape.rank_known()) return context.Unsupported("has a diagonal of unknown rank");
  if (shape.rank() < 1) return context.Invalid("has a scalar for a diagonal");
  if (context.op() == "Diag" && shape.rank() != 1) {
    return context.Unsupported("makes a diagonal from a tensor of rank above 1");
  }
  SizeMaker sizes(&context);
  Size n = sizes.Of(context.input(0), shape).back();
  ValueId mask = DiagonalMask(context, &sizes, n, n);
  ValueId rows = context.Helper("Unsqueeze", "diagonal",
                                {context.input(0), context.Ints("diagonal_axis", {-1})});
  return context.Emit("Where", {mask, rows, context.Scalar("zero", dtype, 0)});
}

// Rows and columns of matrices whose sizes are known. Errors: UNIMPLEMENTED.
Status MatrixSizes(OpContext& context, int64_t* rows, int64_t* columns) {
  const Shape& shape = context.shape(0);
  if (!shape.rank_known()) return context.Unsupported("has matrices of unknown size");
  if (shape.rank() < 2) return context.Invalid("has a tensor that is no matrix");
  *rows = shape[shape.rank() - 2];
  *columns = shape[shape.rank() - 1];
  if (*rows < 0 || *columns < 0) return context.Unsupported("has matrices of unknown size");
  return OkStatus();
}

Status MatrixDiagPart(OpContext& context) {
  if (context.input_count() == 0) return context.Invalid("has no inputs");
  MS_RETURN_IF_ERROR(CheckMainDiagonal(context, 1, 1));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  int64_t rows = 0, columns = 0;
  MS_RETURN_IF_ERROR(MatrixSizes(context, &rows, &columns));
  if (context.op() == "DiagPart" && context.shape(0).rank() != 2) {
    return context.Unsupported("takes the diagonal of a tensor of rank above 2");
  }
  SizeMaker sizes(&context);
  ValueId mask = DiagonalMask(context, &sizes, Size::Of(rows), Size::Of(columns));
  ValueId alone =
      context.Helper("Where", "alone", {mask, context.input(0), context.Scalar("zero", dtype, 0)});
  // Sums of one element: over rows or columns, whichever are more.
  ValueId axis = context.Ints("axis", {rows > columns ? -2 : -1});
  return context.Emit("ReduceSum", {alone, axis}, {{"keepdims", int64_t{0}}});
}

Status MatrixSetDiag(OpContext& context) {
  if (context.input_count() < 2) return context.Invalid("has too few inputs");
  MS_RETURN_IF_ERROR(CheckMainDiagonal(context, 2, 2));
  int64_t rows = 0, columns = 0;
  MS_RETURN_IF_ERROR(MatrixSizes(context, &rows, &columns));
  SizeMaker sizes(&context);
  ValueId mask = DiagonalMask(context, &sizes, Size::Of(rows), Size::Of(columns));
  ValueId spread =
      context.Helper("Unsqueeze", "diagonal",
                     {context.input(1), context.Ints("diagonal_axis", {rows > columns ? -2 : -1})});
  return context.Emit("Where", {mask, spread, context.input(0)});
}

// Keeps what lies at most `lower` below and `upper` above the diagonal; below 0: everything.
Status MatrixBandPart(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  MS_ASSIGN_OR_RETURN(int64_t lower, context.ConstantInt(1, "number of lower diagonals"));
  MS_ASSIGN_OR_RETURN(int64_t upper, context.ConstantInt(2, "number of upper diagonals"));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  const Shape& shape = context.shape(0);
  if (!shape.rank_known()) return context.Unsupported("has matrices of unknown rank");
  if (shape.rank() < 2) return context.Invalid("has a tensor that is no matrix");
  if (lower < 0 && upper < 0) return context.Return(context.input(0));
  SizeMaker sizes(&context);
  std::vector<Size> dims = sizes.Of(context.input(0), shape);
  ValueId offsets = Offsets(context, &sizes, dims[dims.size() - 2], dims.back());
  auto limit = [&](std::string_view name, std::string_view op, int64_t bound) {
    ValueId number =
        context.Scalar(std::string(name) + "_most", DType::kI64, static_cast<double>(bound));
    return context.Helper(op, name, {offsets, number});
  };
  ValueId mask = kNoValue;
  if (upper >= 0) mask = limit("upper", "LessOrEqual", upper);
  if (lower >= 0) {
    ValueId below = limit("lower", "GreaterOrEqual", -lower);
    mask = mask == kNoValue ? below : context.Helper("And", "band", {mask, below});
  }
  return context.Emit("Where", {mask, context.input(0), context.Scalar("zero", dtype, 0)});
}

}  // namespace

void AddMatrixTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"Diag", MatrixDiag},
                               {"MatrixDiag", MatrixDiag},
                               {"MatrixDiagV2", MatrixDiag},
                               {"MatrixDiagV3", MatrixDiag},
                               {"DiagPart", MatrixDiagPart},
                               {"MatrixDiagPart", MatrixDiagPart},
                               {"MatrixDiagPartV2", MatrixDiagPart},
                               {"MatrixDiagPartV3", MatrixDiagPart},
                               {"MatrixSetDiag", MatrixSetDiag},
                               {"MatrixSetDiagV2", MatrixSetDiag},
                               {"MatrixSetDiagV3", MatrixSetDiag},
                               {"MatrixBandPart", MatrixBandPart}});
}

}  // namespace midstream::tensorflow
