// The matrix product in bfloat16 arithmetic: pairs of products are added to a float32 sum by one
// instruction. Compiled for processors that have it; whether it pays is measured (bf16_rate.h).
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_BF16_PRODUCT_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_BF16_PRODUCT_H_

#include <stdint.h>

#include "kernels/kernel_table.h"

namespace midstream::cpu_blas::avx512_bf16 {

// Elements of the packed form of a [k, n] matrix: panels of 32 columns; within a panel, for two
// rows at a time, the pairs of each column.
int64_t PairElements(int64_t k, int64_t n);
void PackPairs(const PackShape& shape, const uint16_t* b, uint16_t* packed, int64_t panel_begin,
               int64_t panel_end);
void UnpackPairs(const PackShape& shape, const uint16_t* packed, uint16_t* b);

struct PairArgs {
  const uint16_t* a;  // [rows, k]
  int64_t k;
  const uint16_t* b;
  int64_t n;
  float* c;  // [rows, n]
  const float* bias;
  bool clip;
  float low;
  float high;
};
void MultiplyPairs(const PairArgs& args, int64_t row_begin, int64_t row_end, int64_t panel_begin,
                   int64_t panel_end);

}  // namespace midstream::cpu_blas::avx512_bf16

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_BF16_PRODUCT_H_
