// The table of one instruction set.
#include "kernels/gemm.h"
#include "kernels/kernels.h"

#define MS_TEXT_OF(x) #x
#define MS_TEXT(x) MS_TEXT_OF(x)

namespace midstream::cpu_blas::MS_ISA {
namespace {

KernelTable MakeTable() {
  KernelTable table = {};
  table.name = MS_TEXT(MS_ISA);
  table.panel = kPanel;
  table.row_tile = kRowTile;
  table.pack = Pack;
  table.unpack = Unpack;
  table.gemm[static_cast<int>(Storage::kF32)] = Gemm<Storage::kF32>;
  table.gemm[static_cast<int>(Storage::kBF16)] = Gemm<Storage::kBF16>;
  table.gemm[static_cast<int>(Storage::kF16)] = Gemm<Storage::kF16>;
  table.winograd_weights = TransformWeights;
  table.winograd_input = TransformInput;
  table.winograd_output = TransformOutput;
  table.max_window = MaxWindow;
  table.sum_window = SumWindow;
  table.depthwise = Depthwise;
  FillUnary(table.unary);
  FillUnary(table.f64.unary);
  FillReals<float>(&table);
  FillReals(&table.f64);
  FillIntegerUnary(table.integer_unary);
  FillBinary(table.binary);
  FillIntegerBinary(table.binary);
  FillProducts(table.product);
  table.reduce_columns = ReduceColumns;
  table.reduce_row = ReduceRow;
  table.widen = Widen;
  table.narrow = Narrow;
  return table;
}

}  // namespace

// A build whose flags are lost on the way would still work, slowly.
#if defined(MS_LANES)
static_assert(kLanes == MS_LANES, "the flags of this instruction set did not reach the compiler");
#endif

// Called only where the processor has the instructions: filling the table may already use them.
const KernelTable& Table() {
  static const KernelTable table = MakeTable();
  return table;
}

}  // namespace midstream::cpu_blas::MS_ISA
