// The choice among the compiled instruction sets.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_ISA_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_ISA_H_

#include <string_view>
#include <vector>

#include "kernels/kernel_table.h"

namespace midstream::cpu_blas {

// Those that this processor can execute, slowest first; never empty.
const std::vector<const KernelTable*>& AvailableIsas();

// name: "auto" (the fastest) or the name of a table. nullptr when it cannot be executed here.
const KernelTable* ChooseIsa(std::string_view name);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_ISA_H_
