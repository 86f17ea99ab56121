// One float in, one float out, over rows: plain loops that the compiler vectorises.
#include "kernels/kernels.h"
#include "kernels/math64.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

template <Unary kOp, typename T>
MS_INLINE T Apply(T x, T p0, T p1) {
  if constexpr (kOp == Unary::kAbs) return AbsF(x);
  if constexpr (kOp == Unary::kNeg) return -x;
  if constexpr (kOp == Unary::kExp) return Exp(x);
  if constexpr (kOp == Unary::kLog) return Log(x);
  if constexpr (kOp == Unary::kSqrt) return SquareRoot(x);
  if constexpr (kOp == Unary::kReciprocal) return T(1) / x;
  if constexpr (kOp == Unary::kFloor) return Floor(x);
  if constexpr (kOp == Unary::kCeil) return Ceil(x);
  if constexpr (kOp == Unary::kRound) return Round(x);
  if constexpr (kOp == Unary::kTanh) return Tanh(x);
  if constexpr (kOp == Unary::kSigmoid) return Sigmoid(x);
  if constexpr (kOp == Unary::kErf) return Erf(x);
  if constexpr (kOp == Unary::kGelu) return T(0.5) * x * (T(1) + Erf(x * T(0.70710678118654752)));
  if constexpr (kOp == Unary::kGeluTanh) return GeluTanh(x);
  if constexpr (kOp == Unary::kSign) return x > T(0) ? T(1) : x < T(0) ? T(-1) : x;
  if constexpr (kOp == Unary::kRelu) return x < T(0) ? T(0) : x;
  if constexpr (kOp == Unary::kLeakyRelu) return x < T(0) ? p0 * x : x;
  if constexpr (kOp == Unary::kElu) return x < T(0) ? p0 * Expm1(x) : x;
  if constexpr (kOp == Unary::kSelu) return x <= T(0) ? p1 * (p0 * Expm1(x)) : p1 * x;
  if constexpr (kOp == Unary::kSoftplus) return Softplus(x);
  if constexpr (kOp == Unary::kSoftsign) return x / (T(1) + AbsF(x));
  if constexpr (kOp == Unary::kClip) {
    T raised = x < p0 ? p0 : x;
    return raised > p1 ? p1 : raised;
  }
}

template <Unary kOp, typename T>
void Row(const T* x, T* out, int64_t n, T p0, T p1) {
  for (int64_t i = 0; i < n; ++i) out[i] = Apply<kOp>(x[i], p0, p1);
}

template <typename T, uint32_t kIndex = 0>
void Fill(UnaryRowOf<T>* table) {
  if constexpr (kIndex < static_cast<uint32_t>(Unary::kCount)) {
    table[kIndex] = Row<static_cast<Unary>(kIndex), T>;
    Fill<T, kIndex + 1>(table);
  }
}

}  // namespace

template <>
void FillUnary(UnaryRowOf<float>* table) {
  Fill(table);
}
template <>
void FillUnary(UnaryRowOf<double>* table) {
  Fill(table);
}

}  // namespace midstream::cpu_blas::MS_ISA
