// The types that this backend computes in, and conversions between all dtypes.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ELEMENTS_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ELEMENTS_H_

#include <optional>

#include "ops/floats.h"

namespace midstream::cpu_blas {

inline bool IsF64(ms_dtype dtype) { return sdk::Same(dtype, sdk::kF64); }
inline bool IsBool(ms_dtype dtype) { return sdk::Same(dtype, sdk::kBool); }
inline bool IsInteger(ms_dtype dtype) {
  const bool code = dtype.code == MS_DTYPE_INT || dtype.code == MS_DTYPE_UINT;
  return code && dtype.lanes == 1 && dtype.bits >= 8 && dtype.bits <= 64;
}
// Any float.
inline bool IsReal(ms_dtype dtype) { return IsFloatStorage(dtype) || IsF64(dtype); }

// 16-bit floats are computed in float32, booleans are bytes; nullopt for what no kernel knows.
inline std::optional<ElementType> ElementTypeOf(ms_dtype dtype) {
  if (IsFloatStorage(dtype)) return ElementType::kF32;
  if (IsF64(dtype)) return ElementType::kF64;
  if (IsBool(dtype)) return ElementType::kU8;
  if (!IsInteger(dtype)) return std::nullopt;
  const auto width = static_cast<uint32_t>(__builtin_ctz(dtype.bits) - 3);
  const ElementType first = dtype.code == MS_DTYPE_INT ? ElementType::kI8 : ElementType::kU8;
  return static_cast<ElementType>(static_cast<uint32_t>(first) + width);
}

// Where an element lies.
inline std::byte* Address(const sdk::TensorView& x, int64_t element) {
  return x.as<std::byte>() + element * static_cast<int64_t>(sdk::ByteWidth(x.dtype));
}

// Bytes of one element of a computing type.
inline int64_t WidthOf(ElementType type) {
  const auto index = static_cast<uint32_t>(type);
  if (index < 2) return index == 0 ? 4 : 8;
  return int64_t{1} << ((index - 2) % 4);
}

// The dtype of a computing type: claims name it.
inline ms_dtype ComputeDType(ms_dtype dtype) { return IsFloatStorage(dtype) ? sdk::kF32 : dtype; }

// body(T{}) with the C++ type.
template <typename Body>
void WithElement(ElementType type, Body&& body) {
  switch (type) {
    case ElementType::kF64:
      return body(double{});
    case ElementType::kI8:
      return body(int8_t{});
    case ElementType::kI16:
      return body(int16_t{});
    case ElementType::kI32:
      return body(int32_t{});
    case ElementType::kI64:
      return body(int64_t{});
    case ElementType::kU8:
      return body(uint8_t{});
    case ElementType::kU16:
      return body(uint16_t{});
    case ElementType::kU32:
      return body(uint32_t{});
    case ElementType::kU64:
      return body(uint64_t{});
    default:
      return body(float{});
  }
}

inline const Reals<float>& RealsOf(const KernelTable& isa, float) { return isa; }
inline const Reals<double>& RealsOf(const KernelTable& isa, double) { return isa.f64; }

// n elements of any dtype as any other: integers wrap, floats are cut off (what does not fit is
// undefined) or rounded once, to nearest, ties to even.
void ConvertElements(const KernelTable& isa, ms_dtype from, const void* x, ms_dtype to, void* out,
                     int64_t n);

// The elements of a float tensor as T: in place, or converted into a piece of scratch memory. Null
// for an absent tensor (and for any while only counting).
template <typename T>
const T* AsReals(const KernelTable& isa, const sdk::TensorView& x, ScratchCutter* scratch) {
  constexpr ms_dtype kDType{MS_DTYPE_FLOAT, sizeof(T) * 8, 1};
  if (!x.present()) return nullptr;
  if (sdk::Same(x.dtype, kDType)) return static_cast<const T*>(x.data);
  auto* reals = scratch->Take<T>(x.count());
  if (reals != nullptr) ConvertElements(isa, x.dtype, x.data, kDType, reals, x.count());
  return reals;
}

// Where to write results of the output: itself, or a piece of scratch memory for FinishReals.
template <typename T>
T* OutputReals(const sdk::TensorView& out, ScratchCutter* scratch) {
  if (sdk::Same(out.dtype, {MS_DTYPE_FLOAT, sizeof(T) * 8, 1})) return static_cast<T*>(out.data);
  return scratch->Take<T>(out.count());
}
template <typename T>
void FinishReals(const KernelTable& isa, const T* reals, const sdk::TensorView& out) {
  constexpr ms_dtype kDType{MS_DTYPE_FLOAT, sizeof(T) * 8, 1};
  if (!sdk::Same(out.dtype, kDType)) {
    ConvertElements(isa, kDType, reals, out.dtype, out.data, out.count());
  }
}

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ELEMENTS_H_
