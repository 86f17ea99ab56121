// Declarations of the functions of one instruction set, for its table (table.cc).
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_KERNELS_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_KERNELS_H_

#include "kernels/kernel_table.h"

namespace midstream::cpu_blas::MS_ISA {

void Pack(const PackShape& shape, Storage storage, const void* b, void* packed, int64_t panel_begin,
          int64_t panel_end);
void Unpack(const PackShape& shape, Storage storage, const void* packed, void* b);
template <Storage S>
void Gemm(const GemmArgs& args, int64_t row_begin, int64_t row_end, int64_t panel_begin,
          int64_t panel_end);

void TransformWeights(const WinogradWeights& args);
void TransformInput(const WinogradInput& args);
void TransformOutput(const WinogradOutput& args);

void MaxWindow(const WindowArgs& args);
void SumWindow(const WindowArgs& args, float scale);
void Depthwise(const DepthwiseArgs& args);

template <typename T>
void FillReals(Reals<T>* table);
void SoftmaxRow(const float* x, float* out, int64_t n, bool log);
template <typename T>
void FillUnary(UnaryRowOf<T>* table);
void FillIntegerUnary(IntegerRow (*table)[static_cast<uint32_t>(Unary::kCount)]);
void FillBinary(BinaryRowFunction (*table)[static_cast<uint32_t>(Binary::kCount)]);
void FillIntegerBinary(BinaryRowFunction (*table)[static_cast<uint32_t>(Binary::kCount)]);
void FillProducts(ProductFunction* table);
void ReduceColumns(Reduce op, const float* x, int64_t rows, int64_t row_step, int64_t columns,
                   float* out);
float ReduceRow(Reduce op, const float* x, int64_t n);
void Widen(Storage storage, const void* x, float* out, int64_t n);
void Narrow(Storage storage, const float* x, void* out, int64_t n);

}  // namespace midstream::cpu_blas::MS_ISA

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_KERNELS_H_
