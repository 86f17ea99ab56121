#include "bench/products/peak.h"

#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace midstream::bench {

#if defined(__x86_64__)
namespace {

constexpr int kSums = 24;  // independent ones, enough to hide the latency of an instruction
constexpr int64_t kSteps = 200000;

__attribute__((target("avx512f"))) void FloatLoop() {
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  __m512 one = _mm512_set1_ps(1.0f);
  for (int64_t step = 0; step < kSteps; ++step) {
    asm volatile("" : "+v"(one));  // not to be computed ahead
#pragma GCC unroll 24
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(one, one, sum);
  }
  for (__m512& sum : sums) asm volatile("" ::"v"(sum));
}

__attribute__((target("avx512f,avx512bf16"))) void PairLoop() {
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  __m512i ones = _mm512_set1_epi32(0x3f803f80);
  for (int64_t step = 0; step < kSteps; ++step) {
    asm volatile("" : "+v"(ones));
#pragma GCC unroll 24
    for (__m512& sum : sums) {
      sum =
          _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(ones), reinterpret_cast<__m512bh>(ones));
    }
  }
  for (__m512& sum : sums) asm volatile("" ::"v"(sum));
}

}  // namespace

bool HasPeakLoop(Arithmetic arithmetic) {
  const bool wide = __builtin_cpu_supports("avx512f") != 0;
  return wide && (arithmetic == Arithmetic::kFloat32 || __builtin_cpu_supports("avx512bf16") != 0);
}

double RunPeakLoop(Arithmetic arithmetic, uint32_t threads) {
  void (*loop)() = arithmetic == Arithmetic::kFloat32 ? FloatLoop : PairLoop;
  std::vector<std::thread> others;
  for (uint32_t i = 1; i < threads; ++i) others.emplace_back(loop);
  loop();
  for (std::thread& other : others) other.join();
  const double of_instruction = arithmetic == Arithmetic::kFloat32 ? 32 : 64;
  return static_cast<double>(kSteps * kSums) * of_instruction * threads;
}

#else

bool HasPeakLoop(Arithmetic) { return false; }
double RunPeakLoop(Arithmetic, uint32_t) { return 0; }

#endif

}  // namespace midstream::bench
