// One float in, one float out, over rows: plain loops that the compiler vectorises.
#include "kernels/kernels.h"
#include "kernels/math.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

template <typename F>
MS_INLINE void ForRow(const float* x, float* out, int64_t n, F f) {
  for (int64_t i = 0; i < n; ++i) out[i] = f(x[i]);
}

template <Unary kOp>
MS_INLINE float Apply(float x, float p0, float p1) {
  if constexpr (kOp == Unary::kAbs) return AbsF(x);
  if constexpr (kOp == Unary::kNeg) return -x;
  if constexpr (kOp == Unary::kExp) return Exp(x);
  if constexpr (kOp == Unary::kLog) return Log(x);
  if constexpr (kOp == Unary::kSqrt) return __builtin_sqrtf(x);
  if constexpr (kOp == Unary::kReciprocal) return 1.0f / x;
  if constexpr (kOp == Unary::kFloor) return __builtin_floorf(x);
  if constexpr (kOp == Unary::kCeil) return __builtin_ceilf(x);
  if constexpr (kOp == Unary::kRound) return __builtin_rintf(x);
  if constexpr (kOp == Unary::kTanh) return Tanh(x);
  if constexpr (kOp == Unary::kSigmoid) return Sigmoid(x);
  if constexpr (kOp == Unary::kErf) return Erf(x);
  if constexpr (kOp == Unary::kSign) return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
  if constexpr (kOp == Unary::kRelu) return x < 0.0f ? 0.0f : x;
  if constexpr (kOp == Unary::kLeakyRelu) return x < 0.0f ? p0 * x : x;
  if constexpr (kOp == Unary::kElu) return x < 0.0f ? p0 * Expm1(x) : x;
  if constexpr (kOp == Unary::kSelu) return x <= 0.0f ? p1 * (p0 * Expm1(x)) : p1 * x;
  if constexpr (kOp == Unary::kSoftplus) return Softplus(x);
  if constexpr (kOp == Unary::kSoftsign) return x / (1.0f + AbsF(x));
  if constexpr (kOp == Unary::kClip) {
    float raised = x < p0 ? p0 : x;
    return raised > p1 ? p1 : raised;
  }
}

template <Unary kOp>
void Row(const float* x, float* out, int64_t n, float p0, float p1) {
  ForRow(x, out, n, [=](float v) { return Apply<kOp>(v, p0, p1); });
}

template <uint32_t kIndex = 0>
void Fill(UnaryRow* table) {
  if constexpr (kIndex < static_cast<uint32_t>(Unary::kCount)) {
    table[kIndex] = Row<static_cast<Unary>(kIndex)>;
    Fill<kIndex + 1>(table);
  }
}

}  // namespace

void FillUnary(UnaryRow* table) { Fill(table); }

void ScaleShift(const float* x, const float* scale, const float* shift, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = Fused(x[i], scale[i], shift[i]);
}

}  // namespace midstream::cpu_blas::MS_ISA
