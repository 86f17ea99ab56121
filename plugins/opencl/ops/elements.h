// Element types: what a device can hold and compute in, and their names in the kernels.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_ELEMENTS_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_ELEMENTS_H_

#include <string>

#include "midstream/view.hpp"
#include "runtime/traits.h"

namespace midstream::opencl {

inline bool IsF64(ms_dtype dtype) { return sdk::Same(dtype, sdk::kF64); }
inline bool IsBool(ms_dtype dtype) { return sdk::Same(dtype, sdk::kBool); }
inline bool IsInteger(ms_dtype dtype) {
  const bool code = dtype.code == MS_DTYPE_INT || dtype.code == MS_DTYPE_UINT;
  return code && dtype.lanes == 1 && dtype.bits >= 8 && dtype.bits <= 64;
}
// float32, float16, bfloat16: computed in float32.
inline bool IsFloatStorage(ms_dtype dtype) {
  return sdk::Same(dtype, sdk::kF32) || sdk::Same(dtype, sdk::kF16) || sdk::Same(dtype, sdk::kBF16);
}
// Any float that the device computes with.
inline bool IsReal(ms_dtype dtype, const Traits& traits) {
  return IsFloatStorage(dtype) || (IsF64(dtype) && traits.fp64);
}
// Anything that the device can hold and move; float64 is bits to a device without it.
inline bool IsElement(ms_dtype dtype) {
  return IsFloatStorage(dtype) || IsF64(dtype) || IsBool(dtype) || IsInteger(dtype);
}

// The dtype of the arithmetic: claims name it.
inline ms_dtype ComputeDType(ms_dtype dtype) { return IsFloatStorage(dtype) ? sdk::kF32 : dtype; }

// "f16", "bf16", "i32", "b8" ...: the names that common.cl knows. Requires: IsElement.
inline std::string TypeName(ms_dtype dtype) {
  const char* prefix = dtype.code == MS_DTYPE_BFLOAT  ? "bf"
                       : dtype.code == MS_DTYPE_FLOAT ? "f"
                       : dtype.code == MS_DTYPE_BOOL  ? "b"
                       : dtype.code == MS_DTYPE_UINT  ? "u"
                                                      : "i";
  return prefix + std::to_string(dtype.bits);
}
// " -DTX=f32"
inline std::string DefineType(const char* name, ms_dtype dtype) {
  return std::string(" -D") + name + "=" + TypeName(dtype);
}

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_ELEMENTS_H_
