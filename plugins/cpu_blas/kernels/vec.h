// Vec: one register of floats of the instruction set that the including file is compiled for, and
// the few operations that the hand-vectorised kernels need. + - * / are the compiler's own.
//
// Lives in the namespace of the instruction set (MS_ISA), see kernel_table.h.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_VEC_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_VEC_H_

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/kernel_table.h"

#define MS_INLINE static inline __attribute__((always_inline))
#define MS_UNROLL _Pragma("GCC unroll 32")
// An output that is one of the inputs, element by element, does not stand against vectors.
#if defined(__clang__)
#define MS_SAME_PLACE _Pragma("clang loop vectorize(assume_safety)")
#else
#define MS_SAME_PLACE _Pragma("GCC ivdep")
#endif

namespace midstream::cpu_blas::MS_ISA {

MS_INLINE int64_t Min(int64_t a, int64_t b) { return a < b ? a : b; }
MS_INLINE int64_t Max(int64_t a, int64_t b) { return a > b ? a : b; }
template <typename T>
MS_INLINE void Prefetch(const T* address) {
  __builtin_prefetch(address, 0, 2);
}

// Bits of the 16 bit floats; a NaN stays a NaN.
MS_INLINE float FloatFromBits(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
MS_INLINE uint32_t BitsFromFloat(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}
MS_INLINE float FromBF16(uint16_t bits) { return FloatFromBits(static_cast<uint32_t>(bits) << 16); }
MS_INLINE uint16_t ToBF16(float value) {
  uint32_t bits = BitsFromFloat(value);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  uint32_t nan = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}
// The exponent is moved by a multiplication, which is exact also for subnormal halves.
MS_INLINE float FromF16(uint16_t half) {
  uint32_t magnitude = half & 0x7fffu;
  uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  float scaled = FloatFromBits(magnitude << 13) * 0x1p112f;
  uint32_t special = (magnitude << 13) | 0x7f800000u;
  return FloatFromBits(sign | (magnitude >= 0x7c00u ? special : BitsFromFloat(scaled)));
}
MS_INLINE uint16_t ToF16(float value) {
  uint32_t bits = BitsFromFloat(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
  // Adding 0.5 puts the bits of a subnormal half at the end of the mantissa, rounded.
  uint32_t subnormal = BitsFromFloat(FloatFromBits(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t half = magnitude < (113u << 23) ? subnormal : normal;
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;
  half = magnitude > 0x7f800000u ? 0x7e00u | ((magnitude >> 13) & 0x3ffu) : half;
  return static_cast<uint16_t>(sign | half);
}

#if defined(__AVX512F__)

constexpr int64_t kLanes = 16;
using Vec = __m512;
MS_INLINE Vec Set(float x) { return _mm512_set1_ps(x); }
MS_INLINE Vec Load(const float* p) { return _mm512_loadu_ps(p); }
MS_INLINE void Store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
// The first n lanes, 0 <= n <= kLanes; the others read as zero and are not touched.
MS_INLINE __mmask16 FirstLanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
MS_INLINE Vec LoadN(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(FirstLanes(n), p); }
MS_INLINE void StoreN(float* p, Vec v, int64_t n) { _mm512_mask_storeu_ps(p, FirstLanes(n), v); }
MS_INLINE Vec Fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
// x when x is a NaN.
MS_INLINE Vec Max(Vec bound, Vec x) { return _mm512_max_ps(bound, x); }
MS_INLINE Vec Min(Vec bound, Vec x) { return _mm512_min_ps(bound, x); }
MS_INLINE Vec LoadBF16(const uint16_t* p) {
  __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
MS_INLINE Vec LoadF16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

#elif defined(__AVX2__)

constexpr int64_t kLanes = 8;
using Vec = __m256;
MS_INLINE Vec Set(float x) { return _mm256_set1_ps(x); }
MS_INLINE Vec Load(const float* p) { return _mm256_loadu_ps(p); }
MS_INLINE void Store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
MS_INLINE __m256i FirstLanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
MS_INLINE Vec LoadN(const float* p, int64_t n) { return _mm256_maskload_ps(p, FirstLanes(n)); }
MS_INLINE void StoreN(float* p, Vec v, int64_t n) { _mm256_maskstore_ps(p, FirstLanes(n), v); }
MS_INLINE Vec Fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
MS_INLINE Vec Max(Vec bound, Vec x) { return _mm256_max_ps(bound, x); }
MS_INLINE Vec Min(Vec bound, Vec x) { return _mm256_min_ps(bound, x); }
MS_INLINE Vec LoadBF16(const uint16_t* p) {
  __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}
MS_INLINE Vec LoadF16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

#else

constexpr int64_t kLanes = 4;
typedef float Vec __attribute__((vector_size(16)));
MS_INLINE Vec Set(float x) { return Vec{x, x, x, x}; }
MS_INLINE Vec Load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
MS_INLINE void Store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }
MS_INLINE Vec LoadN(const float* p, int64_t n) {
  Vec v = {};
  for (int64_t i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
MS_INLINE void StoreN(float* p, Vec v, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = v[i];
}
MS_INLINE Vec Fma(Vec a, Vec b, Vec c) { return a * b + c; }
MS_INLINE Vec Max(Vec bound, Vec x) { return bound > x ? bound : x; }
MS_INLINE Vec Min(Vec bound, Vec x) { return bound < x ? bound : x; }
MS_INLINE Vec LoadBF16(const uint16_t* p) {
  return Vec{FromBF16(p[0]), FromBF16(p[1]), FromBF16(p[2]), FromBF16(p[3])};
}
MS_INLINE Vec LoadF16(const uint16_t* p) {
  return Vec{FromF16(p[0]), FromF16(p[1]), FromF16(p[2]), FromF16(p[3])};
}

#endif

MS_INLINE Vec Clip(Vec x, Vec low, Vec high) { return Min(high, Max(low, x)); }

// A full or partial vector of at most kLanes floats.
MS_INLINE Vec LoadUpTo(const float* p, int64_t n) { return n >= kLanes ? Load(p) : LoadN(p, n); }
MS_INLINE void StoreUpTo(float* p, Vec v, int64_t n) {
  if (n >= kLanes) {
    Store(p, v);
  } else {
    StoreN(p, v, n);
  }
}

}  // namespace midstream::cpu_blas::MS_ISA

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_VEC_H_
