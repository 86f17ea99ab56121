// Two integers (or booleans) in, one out, over rows. See BinaryRow.
//
// Arithmetic wraps. A quotient or remainder by zero is zero: there is no answer, and a trap would
// end the process. Add, Sub, Mul and Equal do not depend on the sign: one function for each width.
#include "kernels/integer.h"
#include "kernels/kernels.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

// A float type in which the quotient of two T, cut off, is exact; vector units divide no integers.
template <typename T>
struct Quotient {
  using Type = T;  // 64 bits: none
};
template <>
struct Quotient<int8_t> {
  using Type = float;
};
template <>
struct Quotient<uint8_t> {
  using Type = float;
};
template <>
struct Quotient<int16_t> {
  using Type = float;
};
template <>
struct Quotient<uint16_t> {
  using Type = float;
};
template <>
struct Quotient<int32_t> {
  using Type = double;
};
template <>
struct Quotient<uint32_t> {
  using Type = double;
};

// Towards zero.
template <typename T>
MS_INLINE T Divide(T a, T b) {
  using Real = typename Quotient<T>::Type;
  const bool negates = kIsSigned<T> && b == static_cast<T>(-1);  // the least one has no negative
  const T divisor = b == 0 || negates ? T{1} : b;
  const T quotient = static_cast<T>(static_cast<Real>(a) / static_cast<Real>(divisor));
  return b == 0 ? T{0} : negates ? WrappingSub(T{0}, a) : quotient;
}

// The remainder has the sign of b (Mod) or of a (Fmod).
template <typename T>
MS_INLINE T Remainder(T a, T b, bool sign_of_b) {
  const T product = static_cast<T>(static_cast<uint64_t>(Divide(a, b)) * static_cast<uint64_t>(b));
  const T rest = WrappingSub(a, product);
  const bool flips = sign_of_b && b != 0 && rest != 0 && (rest < 0) != (b < 0);
  return flips ? static_cast<T>(rest + b) : rest;
}

template <Binary kOp, typename T>
MS_INLINE auto Apply(T a, T b) {
  if constexpr (kOp == Binary::kAdd) return static_cast<T>(a + b);
  if constexpr (kOp == Binary::kSub) return static_cast<T>(a - b);
  if constexpr (kOp == Binary::kMul) return static_cast<T>(1u * a * b);
  if constexpr (kOp == Binary::kDiv) return Divide(a, b);
  if constexpr (kOp == Binary::kMax) return a > b ? a : b;
  if constexpr (kOp == Binary::kMin) return a < b ? a : b;
  if constexpr (kOp == Binary::kMod) return Remainder(a, b, true);
  if constexpr (kOp == Binary::kFmod) return Remainder(a, b, false);
  if constexpr (kOp == Binary::kEqual) return static_cast<uint8_t>(a == b);
  if constexpr (kOp == Binary::kGreater) return static_cast<uint8_t>(a > b);
  if constexpr (kOp == Binary::kGreaterOrEqual) return static_cast<uint8_t>(a >= b);
  if constexpr (kOp == Binary::kAnd) return static_cast<uint8_t>((a != 0) & (b != 0));
  if constexpr (kOp == Binary::kOr) return static_cast<uint8_t>((a | b) != 0);
  if constexpr (kOp == Binary::kXor) return static_cast<uint8_t>((a != 0) != (b != 0));
}

// A scalar side is spread over a block, so that one loop serves all.
template <Binary kOp, typename T>
void Row(const BinaryRow& row) {
  constexpr int64_t kBlock = 256;
  T spread[2][kBlock];
  const T* sides[2] = {static_cast<const T*>(row.a), static_cast<const T*>(row.b)};
  const bool steps[2] = {row.a_step, row.b_step};
  for (int side = 0; side < 2; ++side) {
    if (steps[side]) continue;
    const T value = *sides[side];
    for (int64_t i = 0; i < Min(kBlock, row.n); ++i) spread[side][i] = value;
  }
  auto* out = static_cast<decltype(Apply<kOp>(T(), T()))*>(row.out);
  const int64_t step = steps[0] && steps[1] ? row.n : kBlock;
  for (int64_t at = 0; at < row.n; at += step) {
    const T* a = steps[0] ? sides[0] + at : spread[0];
    const T* b = steps[1] ? sides[1] + at : spread[1];
    auto* to = out + at;
    const int64_t n = Min(step, row.n - at);
    MS_SAME_PLACE
    for (int64_t i = 0; i < n; ++i) to[i] = Apply<kOp>(a[i], b[i]);
  }
}

using Table = BinaryRowFunction (*)[static_cast<uint32_t>(Binary::kCount)];

template <typename T, Binary... kOps>
void FillOps(BinaryRowFunction* table) {
  ((table[static_cast<uint32_t>(kOps)] = Row<kOps, T>), ...);
}

template <typename Signed, typename Unsigned>
void FillWidth(Table table) {
  BinaryRowFunction* with_sign = table[kRowOf<Signed>];
  BinaryRowFunction* without = table[kRowOf<Unsigned>];
  FillOps<Unsigned, Binary::kAdd, Binary::kSub, Binary::kMul, Binary::kEqual>(without);
  const Binary same[] = {Binary::kAdd, Binary::kSub, Binary::kMul, Binary::kEqual};
  for (Binary op : same) {
    with_sign[static_cast<uint32_t>(op)] = without[static_cast<uint32_t>(op)];
  }
  FillOps<Unsigned, Binary::kDiv, Binary::kMax, Binary::kMin, Binary::kMod, Binary::kGreater,
          Binary::kGreaterOrEqual>(without);
  without[static_cast<uint32_t>(Binary::kFmod)] = without[static_cast<uint32_t>(Binary::kMod)];
  FillOps<Signed, Binary::kDiv, Binary::kMax, Binary::kMin, Binary::kMod, Binary::kFmod,
          Binary::kGreater, Binary::kGreaterOrEqual>(with_sign);
}

}  // namespace

void FillIntegerBinary(Table table) {
  FillWidth<int8_t, uint8_t>(table);
  FillWidth<int16_t, uint16_t>(table);
  FillWidth<int32_t, uint32_t>(table);
  FillWidth<int64_t, uint64_t>(table);
  FillOps<uint8_t, Binary::kAnd, Binary::kOr, Binary::kXor>(table[kRowOf<uint8_t>]);  // booleans
}

}  // namespace midstream::cpu_blas::MS_ISA
