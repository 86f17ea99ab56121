// Arithmetic of wide types with a defined answer for every input: integers wrap, a quotient or
// remainder by zero is zero.
#ifndef MIDSTREAM_PLUGINS_REFERENCE_ARITHMETIC_H_
#define MIDSTREAM_PLUGINS_REFERENCE_ARITHMETIC_H_

#include <cmath>
#include <cstdint>
#include <type_traits>

namespace midstream::reference {

template <typename T>
constexpr bool kIsReal = std::is_same_v<T, double>;

template <typename T>
T Add(T a, T b) {
  if constexpr (kIsReal<T>) return a + b;
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <typename T>
T Sub(T a, T b) {
  if constexpr (kIsReal<T>) return a - b;
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <typename T>
T Mul(T a, T b) {
  if constexpr (kIsReal<T>) return a * b;
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
// Integers: towards zero.
template <typename T>
T Div(T a, T b) {
  if constexpr (kIsReal<T>) {
    return a / b;
  } else {
    if (b == T{0}) return T{0};
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return Sub(T{0}, a);
    }
    return a / b;
  }
}
// Sign of the dividend.
template <typename T>
T Remainder(T a, T b) {
  if constexpr (kIsReal<T>) {
    return std::fmod(a, b);
  } else {
    return Sub(a, Mul(Div(a, b), b));
  }
}
// Towards zero, saturating; NaN gives 0.
template <typename T>
T FromReal(double value) {
  if constexpr (kIsReal<T>) {
    return value;
  } else {
    constexpr double kTop = std::is_signed_v<T> ? 0x1p63 : 0x1p64;
    constexpr double kBottom = std::is_signed_v<T> ? -0x1p63 : 0.0;
    if (std::isnan(value)) return T{0};
    if (value >= kTop) return static_cast<T>(std::is_signed_v<T> ? INT64_MAX : ~uint64_t{0});
    if (value <= kBottom) return static_cast<T>(std::is_signed_v<T> ? INT64_MIN : 0);
    return static_cast<T>(value);
  }
}

}  // namespace midstream::reference

#endif  // MIDSTREAM_PLUGINS_REFERENCE_ARITHMETIC_H_
