// What this processor and its operating system can execute.
//
// Read from CPUID and XGETBV bits directly: model numbers go stale, and compilers differ in the
// feature names that they know.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_CPU_FEATURES_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_CPU_FEATURES_H_

#include <string>

namespace midstream::cpu_blas {

struct CpuFeatures {
  std::string name;     // "AMD EPYC 9354 32-Core Processor"; empty when not known
  bool avx2 = false;    // with FMA and F16C, enabled by the system
  bool avx512 = false;  // F, BW, DQ, VL, CD; enabled by the system
  bool avx512_bf16 = false;
};

// Threads: any; read once.
const CpuFeatures& ThisCpu();

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_CPU_FEATURES_H_
