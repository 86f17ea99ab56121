// Pooling of any type over any number of spatial axes.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_POOL_ANY_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_POOL_ANY_H_

#include "ops/elements.h"
#include "ops/geometry.h"

namespace midstream::cpu_blas {

struct PoolOptions {
  WindowSpec window;
  std::vector<int64_t> kernel;  // empty: the whole image
  bool maximum = false;
  bool count_include_pad = false;
};

std::unique_ptr<sdk::Kernel> CreateAnyPool(const KernelTable& isa, PoolOptions options);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_POOL_ANY_H_
