// Two elements in, one out, over rows: same step or one side a scalar. See BinaryRow.
//
// Integers wrap on overflow. A division by an integer zero gives zero: there is no answer, and a
// trap would end the process.
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/math.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

template <typename T>
struct Wrapping {  // the type in which + - * cannot overflow
  using Type = T;
};
template <>
struct Wrapping<int32_t> {
  using Type = uint32_t;
};
template <>
struct Wrapping<int64_t> {
  using Type = uint64_t;
};

template <typename T>
constexpr bool kIsFloat = false;
template <>
constexpr bool kIsFloat<float> = true;

template <typename T>
MS_INLINE T Divide(T a, T b) {
  if constexpr (kIsFloat<T>) {
    return a / b;
  } else {
    if (b == 0) return 0;
    if (b == static_cast<T>(-1)) {  // the least integer has no negative
      return static_cast<T>(0 - static_cast<typename Wrapping<T>::Type>(a));
    }
    return static_cast<T>(a / b);
  }
}

// The remainder has the sign of b (Mod) or of a (Fmod).
template <typename T>
MS_INLINE T Remainder(T a, T b, bool sign_of_b) {
  if constexpr (kIsFloat<T>) {
    return fmodf(a, b);
  } else {
    if (b == 0 || b == static_cast<T>(-1)) return 0;
    T remainder = static_cast<T>(a % b);
    bool other_sign = remainder != 0 && (remainder < 0) != (b < 0);
    return sign_of_b && other_sign ? static_cast<T>(remainder + b) : remainder;
  }
}

template <typename T>
MS_INLINE T Power(T a, T b) {
  if constexpr (kIsFloat<T>) {
    return b == 2.0f ? a * a : powf(a, b);
  } else {
    return static_cast<T>(pow(static_cast<double>(a), static_cast<double>(b)));
  }
}

template <Binary kOp, typename T>
MS_INLINE auto Apply(T a, T b) {
  using W = typename Wrapping<T>::Type;
  const W wa = static_cast<W>(a), wb = static_cast<W>(b);
  if constexpr (kOp == Binary::kAdd) return static_cast<T>(wa + wb);
  if constexpr (kOp == Binary::kSub) return static_cast<T>(wa - wb);
  if constexpr (kOp == Binary::kMul) return static_cast<T>(wa * wb);
  if constexpr (kOp == Binary::kDiv) return Divide(a, b);
  if constexpr (kOp == Binary::kMax) return a > b || a != a ? a : b;
  if constexpr (kOp == Binary::kMin) return a < b || a != a ? a : b;
  if constexpr (kOp == Binary::kPow) return Power(a, b);
  if constexpr (kOp == Binary::kMod) return Remainder(a, b, true);
  if constexpr (kOp == Binary::kFmod) return Remainder(a, b, false);
  if constexpr (kOp == Binary::kEqual) return static_cast<uint8_t>(a == b);
  if constexpr (kOp == Binary::kGreater) return static_cast<uint8_t>(a > b);
  if constexpr (kOp == Binary::kGreaterOrEqual) return static_cast<uint8_t>(a >= b);
  if constexpr (kOp == Binary::kLess) return static_cast<uint8_t>(a < b);
  if constexpr (kOp == Binary::kLessOrEqual) return static_cast<uint8_t>(a <= b);
  if constexpr (kOp == Binary::kAnd) return static_cast<uint8_t>(a != 0 && b != 0);
  if constexpr (kOp == Binary::kOr) return static_cast<uint8_t>(a != 0 || b != 0);
  if constexpr (kOp == Binary::kXor) return static_cast<uint8_t>((a != 0) != (b != 0));
}

template <Binary kOp, typename T>
void Row(const BinaryRow& row) {
  const T* a = static_cast<const T*>(row.a);
  const T* b = static_cast<const T*>(row.b);
  auto* out = static_cast<decltype(Apply<kOp>(T(), T()))*>(row.out);
  if (row.a_step && row.b_step) {
    for (int64_t i = 0; i < row.n; ++i) out[i] = Apply<kOp>(a[i], b[i]);
  } else if (row.a_step) {
    const T right = *b;
    for (int64_t i = 0; i < row.n; ++i) out[i] = Apply<kOp>(a[i], right);
  } else if (row.b_step) {
    const T left = *a;
    for (int64_t i = 0; i < row.n; ++i) out[i] = Apply<kOp>(left, b[i]);
  } else {
    const auto value = Apply<kOp>(*a, *b);
    for (int64_t i = 0; i < row.n; ++i) out[i] = value;
  }
}

template <typename T, uint32_t kIndex = 0>
void Fill(BinaryRowFunction* table) {
  if constexpr (kIndex < static_cast<uint32_t>(Binary::kCount)) {
    table[kIndex] = Row<static_cast<Binary>(kIndex), T>;
    Fill<T, kIndex + 1>(table);
  }
}

// Bytes are booleans: they are compared and combined, not added.
template <uint32_t kIndex>
void FillBool(BinaryRowFunction* table) {
  table[kIndex] = Row<static_cast<Binary>(kIndex), uint8_t>;
}

}  // namespace

void FillBinary(BinaryRowFunction (*table)[static_cast<uint32_t>(Binary::kCount)]) {
  Fill<float>(table[static_cast<uint32_t>(ElementType::kF32)]);
  Fill<int32_t>(table[static_cast<uint32_t>(ElementType::kI32)]);
  Fill<int64_t>(table[static_cast<uint32_t>(ElementType::kI64)]);
  BinaryRowFunction* bools = table[static_cast<uint32_t>(ElementType::kU8)];
  FillBool<static_cast<uint32_t>(Binary::kEqual)>(bools);
  FillBool<static_cast<uint32_t>(Binary::kAnd)>(bools);
  FillBool<static_cast<uint32_t>(Binary::kOr)>(bools);
  FillBool<static_cast<uint32_t>(Binary::kXor)>(bools);
}

}  // namespace midstream::cpu_blas::MS_ISA
