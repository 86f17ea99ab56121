// One integer in, one out, over rows: plain loops that the compiler vectorises.
#include "kernels/integer.h"
#include "kernels/kernels.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

template <Unary kOp, typename T>
MS_INLINE T Apply(T x, T low, T high) {
  if constexpr (kOp == Unary::kAbs) return x < T{0} ? WrappingSub(T{0}, x) : x;
  if constexpr (kOp == Unary::kNeg) return WrappingSub(T{0}, x);
  if constexpr (kOp == Unary::kSign) return static_cast<T>((x > T{0}) - (x < T{0}));
  if constexpr (kOp == Unary::kRelu) return x < T{0} ? T{0} : x;
  // The result is cut off: erf(5) is still below 1, erf(6) is not.
  if constexpr (kOp == Unary::kErf) {
    const bool below = kIsSigned<T> && x <= static_cast<T>(-6);
    return x >= T{6} ? T{1} : below ? static_cast<T>(-1) : T{0};
  }
  if constexpr (kOp == Unary::kClip) {
    T raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
}

template <Unary kOp, typename T>
void Row(const void* x, void* out, int64_t n, const void* low, const void* high) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(out);
  const T least = kOp == Unary::kClip ? *static_cast<const T*>(low) : T{};
  const T most = kOp == Unary::kClip ? *static_cast<const T*>(high) : T{};
  MS_SAME_PLACE
  for (int64_t i = 0; i < n; ++i) to[i] = Apply<kOp>(from[i], least, most);
}

template <typename T, Unary... kOps>
void FillOps(IntegerRow* table) {
  ((table[static_cast<uint32_t>(kOps)] = Row<kOps, T>), ...);
}

template <typename Signed, typename Unsigned>
void FillWidth(IntegerRow (*table)[static_cast<uint32_t>(Unary::kCount)]) {
  FillOps<Signed, Unary::kAbs, Unary::kNeg, Unary::kSign, Unary::kRelu, Unary::kErf, Unary::kClip>(
      table[kRowOf<Signed>]);
  FillOps<Unsigned, Unary::kAbs, Unary::kSign, Unary::kErf, Unary::kClip>(table[kRowOf<Unsigned>]);
}

}  // namespace

void FillIntegerUnary(IntegerRow (*table)[static_cast<uint32_t>(Unary::kCount)]) {
  FillWidth<int8_t, uint8_t>(table);
  FillWidth<int16_t, uint16_t>(table);
  FillWidth<int32_t, uint32_t>(table);
  FillWidth<int64_t, uint64_t>(table);
}

}  // namespace midstream::cpu_blas::MS_ISA
