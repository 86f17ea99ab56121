// The packed right-hand side of a matrix product: its size, packing and the product itself, over
// threads.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_PACKED_MATRIX_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_PACKED_MATRIX_H_

#include "kernels/kernel_table.h"
#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

inline int64_t Panels(const KernelTable& isa, int64_t n) { return (n + isa.panel - 1) / isa.panel; }

// Elements of the packed form of a [k, n] matrix.
int64_t PackedElements(const KernelTable& isa, int64_t k, int64_t n);

// Over threads when it is large.
void PackMatrix(const KernelTable& isa, const PackShape& shape, Storage storage, const void* b,
                void* packed, const sdk::Host& host);

// All rows and panels of the product, over threads when it is large.
void RunGemm(const KernelTable& isa, Storage storage, const GemmArgs& args, int64_t rows,
             const sdk::Host& host);

// A plain A: one segment at 0.
constexpr int64_t kNoOffset = 0;

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_PACKED_MATRIX_H_
