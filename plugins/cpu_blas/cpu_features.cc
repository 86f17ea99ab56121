#include "cpu_features.h"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace midstream::cpu_blas {
namespace {

#if defined(__x86_64__)

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// All zero when the processor does not have the leaf.
Registers Cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

bool Bit(uint32_t word, int bit) { return ((word >> bit) & 1u) != 0; }

// The register files that the system saves on a context switch.
uint64_t EnabledState() {
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

std::string BrandName() {
  if (Cpuid(0x80000000u, 0).eax < 0x80000004u) return "";
  char text[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    Registers r = Cpuid(0x80000002u + i, 0);
    std::memcpy(text + 16 * i, &r, sizeof r);
  }
  std::string name(text);
  size_t end = name.find_last_not_of(' ');
  size_t begin = name.find_first_not_of(' ');
  return begin == std::string::npos ? "" : name.substr(begin, end - begin + 1);
}

CpuFeatures Read() {
  CpuFeatures features;
  features.name = BrandName();
  Registers basic = Cpuid(1, 0);
  Registers extended = Cpuid(7, 0);
  bool xgetbv = Bit(basic.ecx, 27);
  uint64_t state = xgetbv ? EnabledState() : 0;
  constexpr uint64_t kAvxState = 0x6, kAvx512State = 0xe6;
  bool fma = Bit(basic.ecx, 12), f16c = Bit(basic.ecx, 29), avx = Bit(basic.ecx, 28);
  features.avx2 = (state & kAvxState) == kAvxState && avx && fma && f16c && Bit(extended.ebx, 5);
  bool foundation = Bit(extended.ebx, 16) && Bit(extended.ebx, 17) && Bit(extended.ebx, 28) &&
                    Bit(extended.ebx, 30) && Bit(extended.ebx, 31);
  features.avx512 = features.avx2 && (state & kAvx512State) == kAvx512State && foundation;
  features.avx512_bf16 = features.avx512 && Bit(Cpuid(7, 1).eax, 5);
  return features;
}

#else

CpuFeatures Read() { return {}; }

#endif

}  // namespace

const CpuFeatures& ThisCpu() {
  static const CpuFeatures features = Read();
  return features;
}

}  // namespace midstream::cpu_blas
