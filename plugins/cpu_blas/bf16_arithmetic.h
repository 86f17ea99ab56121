// Whether this processor multiplies bfloat16 faster than it widens them to float32.
//
// Processors that have the instruction run it at anything between half and twice the rate of
// float32, so its presence says nothing: it is measured once, in well under a millisecond.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_BF16_ARITHMETIC_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_BF16_ARITHMETIC_H_

#include "kernels/bf16/product.h"

namespace midstream::cpu_blas {

struct BF16Arithmetic {
  decltype(&avx512_bf16::PairElements) elements;
  decltype(&avx512_bf16::PackPairs) pack;
  decltype(&avx512_bf16::UnpackPairs) unpack;
  decltype(&avx512_bf16::PackRowPairs) pack_rows;
  decltype(&avx512_bf16::MultiplyPairs) multiply;
  double speedup;  // over float32 arithmetic on the same bfloat16 weights, as measured
};

// nullptr when the processor lacks it. Threads: any; measured on the first call.
const BF16Arithmetic* MeasuredBF16Arithmetic();

// The same, but nullptr also when it does not pay or `isa` is not the instruction set it goes with.
const BF16Arithmetic* UsefulBF16Arithmetic(const KernelTable& isa);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_BF16_ARITHMETIC_H_
