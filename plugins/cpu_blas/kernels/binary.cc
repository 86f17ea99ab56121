// Two floats in, one out, over rows: same step or one side a scalar. See BinaryRow.
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/math64.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

MS_INLINE float Remainder(float a, float b) { return fmodf(a, b); }
MS_INLINE double Remainder(double a, double b) { return fmod(a, b); }
MS_INLINE float Power(float a, float b) { return b == 2.0f ? a * a : powf(a, b); }
MS_INLINE double Power(double a, double b) { return pow(a, b); }

template <Binary kOp, typename T>
MS_INLINE auto Apply(T a, T b) {
  if constexpr (kOp == Binary::kAdd) return a + b;
  if constexpr (kOp == Binary::kSub) return a - b;
  if constexpr (kOp == Binary::kMul) return a * b;
  if constexpr (kOp == Binary::kDiv) return a / b;
  if constexpr (kOp == Binary::kMax) return a > b || a != a ? a : b;
  if constexpr (kOp == Binary::kMin) return a < b || a != a ? a : b;
  if constexpr (kOp == Binary::kPow) return Power(a, b);
  if constexpr (kOp == Binary::kFmod) return Remainder(a, b);
  if constexpr (kOp == Binary::kEqual) return static_cast<uint8_t>(a == b);
  if constexpr (kOp == Binary::kGreater) return static_cast<uint8_t>(a > b);
  if constexpr (kOp == Binary::kGreaterOrEqual) return static_cast<uint8_t>(a >= b);
}

template <Binary kOp, typename T>
void Row(const BinaryRow& row) {
  const T* a = static_cast<const T*>(row.a);
  const T* b = static_cast<const T*>(row.b);
  auto* out = static_cast<decltype(Apply<kOp>(T(), T()))*>(row.out);
  if (row.a_step && row.b_step) {
    MS_SAME_PLACE
    for (int64_t i = 0; i < row.n; ++i) out[i] = Apply<kOp>(a[i], b[i]);
  } else if (row.a_step) {
    const T right = *b;
    MS_SAME_PLACE
    for (int64_t i = 0; i < row.n; ++i) out[i] = Apply<kOp>(a[i], right);
  } else if (row.b_step) {
    const T left = *a;
    MS_SAME_PLACE
    for (int64_t i = 0; i < row.n; ++i) out[i] = Apply<kOp>(left, b[i]);
  } else {
    const auto value = Apply<kOp>(*a, *b);
    for (int64_t i = 0; i < row.n; ++i) out[i] = value;
  }
}

template <Binary... kOps>
struct Ops {
  template <typename T>
  static void Fill(BinaryRowFunction* table) {
    ((table[static_cast<uint32_t>(kOps)] = Row<kOps, T>), ...);
  }
};
using All =
    Ops<Binary::kAdd, Binary::kSub, Binary::kMul, Binary::kDiv, Binary::kMax, Binary::kMin,
        Binary::kPow, Binary::kFmod, Binary::kEqual, Binary::kGreater, Binary::kGreaterOrEqual>;

}  // namespace

void FillBinary(BinaryRowFunction (*table)[static_cast<uint32_t>(Binary::kCount)]) {
  All::Fill<float>(table[static_cast<uint32_t>(ElementType::kF32)]);
  All::Fill<double>(table[static_cast<uint32_t>(ElementType::kF64)]);
}

}  // namespace midstream::cpu_blas::MS_ISA
