// The functions of math.h for float64, in the same form: no branches, so that loops over them become
// vector code. Errors stay below about 2 units in the last place. Only Erf is the C library's.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_MATH64_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_MATH64_H_

#include <math.h>

#include "kernels/math.h"

namespace midstream::cpu_blas::MS_ISA {

MS_INLINE double DoubleFromBits(uint64_t bits) {
  double value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
MS_INLINE uint64_t BitsFromDouble(double value) {
  uint64_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}
MS_INLINE double Fused(double a, double b, double c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}
MS_INLINE double AbsF(double x) { return DoubleFromBits(BitsFromDouble(x) & (~uint64_t{0} >> 1)); }
MS_INLINE double SquareRoot(double x) { return __builtin_sqrt(x); }
MS_INLINE double Floor(double x) { return __builtin_floor(x); }
MS_INLINE double Ceil(double x) { return __builtin_ceil(x); }
MS_INLINE double Round(double x) { return __builtin_rint(x); }
MS_INLINE double CopySign(double magnitude, double sign) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  return DoubleFromBits((BitsFromDouble(magnitude) & ~kSign) | (BitsFromDouble(sign) & kSign));
}

// exp(r) = 1 + r + r^2 * ExpTail(r) for |r| <= log(2) / 2: the series, whose rest is below 2^-57.
MS_INLINE double ExpTail(double r) {
  double p = 1.0 / 6227020800.0;
  p = Fused(p, r, 1.0 / 479001600.0);
  p = Fused(p, r, 1.0 / 39916800.0);
  p = Fused(p, r, 1.0 / 3628800.0);
  p = Fused(p, r, 1.0 / 362880.0);
  p = Fused(p, r, 1.0 / 40320.0);
  p = Fused(p, r, 1.0 / 5040.0);
  p = Fused(p, r, 1.0 / 720.0);
  p = Fused(p, r, 1.0 / 120.0);
  p = Fused(p, r, 1.0 / 24.0);
  p = Fused(p, r, 1.0 / 6.0);
  return Fused(p, r, 0.5);
}

// x = n log(2) + r; 2^n is applied in two halves, so that results may be subnormal.
MS_INLINE double Exp(double x) {
  constexpr double kRound = 0x1.8p52;  // the sum has n in its low bits
  x = x > 710.0 ? 710.0 : x;
  x = x < -746.0 ? -746.0 : x;
  double shifted = Fused(x, 0x1.71547652b82fep0, kRound);
  double n = shifted - kRound;
  double r = Fused(n, -0x1.62e42fee00000p-1, x);  // log(2), the high bits and the rest
  r = Fused(n, -0x1.a39ef35793c76p-33, r);
  double y = 1.0 + Fused(r * r, ExpTail(r), r);
  // Both halves as bits of small non-negative numbers: vector units shift those.
  uint64_t exponent = BitsFromDouble(shifted) - BitsFromDouble(kRound) + 2048;
  uint64_t half = exponent >> 1;
  auto power = [](uint64_t e) { return DoubleFromBits((e - 1) << 52); };  // 2^(e - 1024)
  return y * power(half) * power(exponent - half);
}

MS_INLINE double Expm1(double x) {
  double small = Fused(x * x, ExpTail(x), x);
  return AbsF(x) < 0.34 ? small : Exp(x) - 1.0;
}

// With f = mantissa - 1 and s = f / (2 + f): log(1 + f) = 2 atanh(s), a series in s^2 <= 0.0295.
MS_INLINE double Log(double x) {
  bool subnormal = x < 0x1p-1022;
  uint64_t bits = BitsFromDouble(subnormal ? x * 0x1p54 : x);
  constexpr uint64_t kRootHalf = 0x3fe6a09e667f3bcdu;  // mantissa in [sqrt(1/2), sqrt(2))
  uint64_t offset = bits - kRootHalf + (uint64_t{1023} << 52);
  double exponent = DoubleFromBits((offset >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0);
  exponent = subnormal ? exponent - 54.0 : exponent;
  double f = DoubleFromBits((offset & 0x000fffffffffffffu) + kRootHalf) - 1.0;
  double s = f / (2.0 + f), z = s * s;
  double p = 2.0 / 23.0;
  p = Fused(p, z, 2.0 / 21.0);
  p = Fused(p, z, 2.0 / 19.0);
  p = Fused(p, z, 2.0 / 17.0);
  p = Fused(p, z, 2.0 / 15.0);
  p = Fused(p, z, 2.0 / 13.0);
  p = Fused(p, z, 2.0 / 11.0);
  p = Fused(p, z, 2.0 / 9.0);
  p = Fused(p, z, 2.0 / 7.0);
  p = Fused(p, z, 2.0 / 5.0);
  p = Fused(p, z, 2.0 / 3.0);
  double half_square = 0.5 * f * f;
  double tail = Fused(s, half_square + z * p, exponent * 0x1.a39ef35793c76p-33);
  double y = Fused(exponent, 0x1.62e42fee00000p-1, f - (half_square - tail));
  const double infinity = __builtin_inf();
  y = x == infinity ? infinity : y;
  y = x == 0.0 ? -infinity : y;
  y = x < 0.0 ? __builtin_nan("") : y;
  return x != x ? x : y;
}

// log(1 + u) for u in [0, 1].
MS_INLINE double Log1pUnit(double u) {
  double w = 1.0 + u;
  double scale = w == 1.0 ? 1.0 : u / (w - 1.0);
  double log = w == 1.0 ? u : Log(w);
  return log * scale;
}

MS_INLINE double Tanh(double x) {
  double bound = AbsF(x) > 22.0 ? 22.0 : AbsF(x);
  double grown = Expm1(2.0 * bound);
  return x != x ? x : CopySign(grown / (grown + 2.0), x);
}
MS_INLINE double Sigmoid(double x) { return 1.0 / (1.0 + Exp(-x)); }
MS_INLINE double GeluTanh(double x) {
  double u = x * Fused(x * x, -2.0 * 0.035677408136300125, -2.0 * 0.79788456080286536);
  return x / (1.0 + Exp(u));
}
MS_INLINE double Erf(double x) { return erf(x); }
MS_INLINE double Softplus(double x) {
  double positive = x > 0.0 ? x : 0.0;
  double y = positive + Log1pUnit(Exp(-AbsF(x)));
  return x != x ? x : y;
}

}  // namespace midstream::cpu_blas::MS_ISA

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_MATH64_H_
