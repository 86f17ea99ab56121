// Reductions for the kernels that need them.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_REDUCE_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_REDUCE_H_

#include "kernel.h"

namespace midstream::opencl {

enum class Fold { kSum, kMean, kProd, kMax, kMin };

// out = in folded over the axes that are marked; `out` holds the others in order.
void Reduce(PlanBuilder& plan, Fold fold, const Operand& in, const std::vector<bool>& reduced,
            const Operand& out);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_REDUCE_H_
