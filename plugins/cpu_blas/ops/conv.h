// Fusion of a convolution with the 2x2 maximum pooling that reads it.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_H_

#include <memory>

#include "ops/op_table.h"

namespace midstream::cpu_blas {

// Whether `pool` is a 2x2 maximum without overlap or padding that can be computed with `conv`.
// That nothing else reads the convolution's output is the caller's to know.
bool CanPoolInside(const sdk::NodeView& conv, const sdk::NodeView& pool);

// Reads the inputs of `conv`, writes the output of the pooling.
std::unique_ptr<sdk::Kernel> CreateConvWithPool(const sdk::NodeView& conv, const Setup& setup);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_H_
