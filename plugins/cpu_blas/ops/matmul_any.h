// Products that are not of the 16 and 32 bit floats alone: float64 and integers.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_MATMUL_ANY_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_MATMUL_ANY_H_

#include "ops/elements.h"
#include "ops/op_table.h"

namespace midstream::cpu_blas {

// Whether an input or output of the node has a dtype other than the 16 and 32 bit floats.
bool HasOtherDType(const sdk::NodeView& node);

// MatMul, Gemm and midstream.MatMul. Requires: HasOtherDType(node).
sdk::Claim ClaimAnyMatMul(const sdk::NodeView& node);
std::unique_ptr<sdk::Kernel> CreateAnyMatMul(const sdk::NodeView& node, const Setup& setup);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_MATMUL_ANY_H_
