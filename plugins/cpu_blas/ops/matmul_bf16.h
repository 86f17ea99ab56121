// A product of bfloat16 activations and bfloat16 weights in bfloat16 arithmetic, where that pays.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_MATMUL_BF16_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_MATMUL_BF16_H_

#include <memory>

#include "bf16_arithmetic.h"
#include "ops/activation.h"
#include "ops/floats.h"
#include "ops/op_table.h"

namespace midstream::cpu_blas {

// nullptr when the node's dtypes, weights or this processor ask for another kernel. node: a MatMul
// that is claimed.
std::unique_ptr<sdk::Kernel> CreateBF16MatMul(const sdk::NodeView& node, const Setup& setup);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_MATMUL_BF16_H_
