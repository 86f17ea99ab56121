#include "isa.h"

#include "cpu_features.h"

namespace midstream::cpu_blas {

namespace generic {
const KernelTable& Table();
}
#if defined(__x86_64__)
namespace avx2 {
const KernelTable& Table();
}
namespace avx512 {
const KernelTable& Table();
}
#endif

const std::vector<const KernelTable*>& AvailableIsas() {
  static const std::vector<const KernelTable*> tables = [] {
    std::vector<const KernelTable*> found = {&generic::Table()};
#if defined(__x86_64__)
    if (ThisCpu().avx2) found.push_back(&avx2::Table());
    if (ThisCpu().avx512) found.push_back(&avx512::Table());
#endif
    return found;
  }();
  return tables;
}

const KernelTable* ChooseIsa(std::string_view name) {
  if (name == "auto") return AvailableIsas().back();
  for (const KernelTable* table : AvailableIsas()) {
    if (name == table->name) return table;
  }
  return nullptr;
}

}  // namespace midstream::cpu_blas
