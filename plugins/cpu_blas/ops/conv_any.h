// Convolutions that the packed kernel does not serve: float64, three and more spatial axes.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_ANY_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_ANY_H_

#include "ops/geometry.h"
#include "ops/op_table.h"

namespace midstream::cpu_blas {

// An input or the output is float64.
bool ComputesInF64(const sdk::NodeView& node);
bool NeedsAnyConv(const sdk::NodeView& node);
std::unique_ptr<sdk::Kernel> CreateAnyConv(const sdk::NodeView& node, const Setup& setup);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_ANY_H_
