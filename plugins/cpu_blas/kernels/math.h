// Float functions without branches, so that the compiler turns loops over them into vector code.
// Errors stay below about 2 units in the last place; infinities, NaN and subnormals are honoured.
//
// Polynomials were fitted for this file (weighted minimax, in double).
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_MATH_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_MATH_H_

#include "kernels/vec.h"

namespace midstream::cpu_blas::MS_ISA {

// a * b + c, fused where the instruction set has it.
MS_INLINE float Fused(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
MS_INLINE float AbsF(float x) { return FloatFromBits(BitsFromFloat(x) & 0x7fffffffu); }
MS_INLINE float SquareRoot(float x) { return __builtin_sqrtf(x); }
MS_INLINE float Floor(float x) { return __builtin_floorf(x); }
MS_INLINE float Ceil(float x) { return __builtin_ceilf(x); }
MS_INLINE float Round(float x) { return __builtin_rintf(x); }
MS_INLINE float CopySign(float magnitude, float sign) {
  return FloatFromBits((BitsFromFloat(magnitude) & 0x7fffffffu) |
                       (BitsFromFloat(sign) & 0x80000000u));
}

// exp(r) = 1 + r + r^2 * ExpTail(r) for |r| <= log(2) / 2.
MS_INLINE float ExpTail(float r) {
  float p = 1.395060030e-03f;
  p = Fused(p, r, 8.368953709e-03f);
  p = Fused(p, r, 4.166620417e-02f);
  p = Fused(p, r, 1.666651830e-01f);
  return Fused(p, r, 5.000000096e-01f);
}

// x = n log(2) + r; 2^n is applied in two halves, so that results may be subnormal.
MS_INLINE float Exp(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: the sum has n in its low bits
  x = x > 89.0f ? 89.0f : x;
  x = x < -104.0f ? -104.0f : x;
  float shifted = Fused(x, 1.44269504f, kRound);
  float n = shifted - kRound;
  float r = Fused(n, -6.93359375e-1f, x);
  r = Fused(n, 2.12194440e-4f, r);
  float y = 1.0f + Fused(r * r, ExpTail(r), r);
  int32_t exponent = static_cast<int32_t>(BitsFromFloat(shifted) - BitsFromFloat(kRound));
  int32_t half = exponent >> 1;
  auto power = [](int32_t e) { return FloatFromBits(static_cast<uint32_t>(e + 127) << 23); };
  return y * power(half) * power(exponent - half);
}

MS_INLINE float Expm1(float x) {
  float small = Fused(x * x, ExpTail(x), x);
  return AbsF(x) < 0.34f ? small : Exp(x) - 1.0f;
}

MS_INLINE float Log(float x) {
  bool subnormal = x < 1.17549435e-38f;
  uint32_t bits = BitsFromFloat(subnormal ? x * 8388608.0f : x);
  // Mantissa in [sqrt(1/2), sqrt(2)).
  uint32_t offset = bits - 0x3f3504f3u;
  float exponent = static_cast<float>(static_cast<int32_t>(offset) >> 23);
  exponent = subnormal ? exponent - 23.0f : exponent;
  float f = FloatFromBits((offset & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float p = 6.915367962e-02f;
  p = Fused(p, f, -1.178980765e-01f);
  p = Fused(p, f, 1.187297632e-01f);
  p = Fused(p, f, -1.238434848e-01f);
  p = Fused(p, f, 1.421865809e-01f);
  p = Fused(p, f, -1.666925082e-01f);
  p = Fused(p, f, 2.000222661e-01f);
  p = Fused(p, f, -2.499998660e-01f);
  p = Fused(p, f, 3.333331044e-01f);
  float square = f * f;
  float tail = Fused(square * f, p, -0.5f * square);
  tail = Fused(exponent, -2.12194440e-4f, tail);
  float y = Fused(exponent, 6.93359375e-1f, f + tail);
  const float infinity = __builtin_inff();
  y = x == infinity ? infinity : y;
  y = x == 0.0f ? -infinity : y;
  y = x < 0.0f ? __builtin_nanf("") : y;
  return x != x ? x : y;
}

// log(1 + u) for u in [0, 1].
MS_INLINE float Log1pUnit(float u) {
  float w = 1.0f + u;
  float scale = w == 1.0f ? 1.0f : u / (w - 1.0f);
  float log = w == 1.0f ? u : Log(w);
  return log * scale;
}

MS_INLINE float Tanh(float x) {
  float z = x * x;
  float p = -5.717036547e-03f;
  p = Fused(p, z, 2.065057899e-02f);
  p = Fused(p, z, -5.374349526e-02f);
  p = Fused(p, z, 1.333149125e-01f);
  p = Fused(p, z, -3.333328392e-01f);
  float small = Fused(x * z, p, x);
  float large = 1.0f - 2.0f / (Exp(2.0f * AbsF(x)) + 1.0f);
  return AbsF(x) < 0.625f ? small : x != x ? x : CopySign(large, x);
}

MS_INLINE float Sigmoid(float x) { return 1.0f / (1.0f + Exp(-x)); }

// x / 2 * (1 + tanh(u)) = x * sigmoid(2 u) with u = sqrt(2 / pi) * (x + 0.044715 x^3).
MS_INLINE float GeluTanh(float x) {
  float u = x * Fused(x * x, -2.0f * 0.0356774081f, -2.0f * 0.797884561f);
  return x / (1.0f + Exp(u));
}

MS_INLINE float Erf(float x) {
  float z = x * x;
  float p = 7.889119551e-05f;
  p = Fused(p, z, -8.020841284e-04f);
  p = Fused(p, z, 5.189535340e-03f);
  p = Fused(p, z, -2.685444459e-02f);
  p = Fused(p, z, 1.128360018e-01f);
  p = Fused(p, z, -3.761262714e-01f);
  p = Fused(p, z, 1.128379166e+00f);
  // log(1 - erf) around 2.5, for magnitudes of 1 to 4.
  float t = AbsF(x) - 2.5f;
  t = t > 1.5f ? 1.5f : t;
  float q = 1.855748947e-04f;
  q = Fused(q, t, -1.559923293e-04f);
  q = Fused(q, t, 2.457800717e-03f);
  q = Fused(q, t, -1.071775329e-02f);
  q = Fused(q, t, -9.438853701e-01f);
  q = Fused(q, t, -5.352693970e+00f);
  q = Fused(q, t, -7.806817803e+00f);
  float large = CopySign(1.0f - Exp(q), x);
  return AbsF(x) < 1.0f ? x * p : x != x ? x : large;
}

MS_INLINE float Softplus(float x) {
  float positive = x > 0.0f ? x : 0.0f;
  float y = positive + Log1pUnit(Exp(-AbsF(x)));
  return x != x ? x : y;
}

}  // namespace midstream::cpu_blas::MS_ISA

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_MATH_H_
