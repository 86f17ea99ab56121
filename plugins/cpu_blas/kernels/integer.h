// The integer types as the kernels see them, and their sign-free twins.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_INTEGER_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_INTEGER_H_

#include "kernels/vec.h"

namespace midstream::cpu_blas::MS_ISA {

template <typename T>
constexpr ElementType kTypeOf = ElementType::kCount;
template <>
constexpr ElementType kTypeOf<int8_t> = ElementType::kI8;
template <>
constexpr ElementType kTypeOf<int16_t> = ElementType::kI16;
template <>
constexpr ElementType kTypeOf<int32_t> = ElementType::kI32;
template <>
constexpr ElementType kTypeOf<int64_t> = ElementType::kI64;
template <>
constexpr ElementType kTypeOf<uint8_t> = ElementType::kU8;
template <>
constexpr ElementType kTypeOf<uint16_t> = ElementType::kU16;
template <>
constexpr ElementType kTypeOf<uint32_t> = ElementType::kU32;
template <>
constexpr ElementType kTypeOf<uint64_t> = ElementType::kU64;

template <typename T>
constexpr bool kIsSigned = static_cast<T>(-1) < static_cast<T>(0);

template <typename T>
constexpr uint32_t kRowOf = static_cast<uint32_t>(kTypeOf<T>);

// a - b, wrapping; int arithmetic of narrow types cannot overflow.
template <typename T>
MS_INLINE T WrappingSub(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace midstream::cpu_blas::MS_ISA

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_INTEGER_H_
