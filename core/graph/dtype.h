// Element types of tensors, and the conversions between 16-bit floats and float32.
//
// The numbering is internal; the C ABI uses DLPack coding (ToAbi/FromAbi), files use their own
// tables. Conversions to a narrower float round to nearest, ties to even, everywhere in the core,
// so that a value converted during an update has the bits of the same value converted during a cold
// load.
#ifndef MIDSTREAM_CORE_GRAPH_DTYPE_H_
#define MIDSTREAM_CORE_GRAPH_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/export.h"
#include "midstream/backend.h"

namespace midstream {

enum class DType : uint8_t {
  kInvalid = 0,
  kF32,
  kF64,
  kF16,
  kBF16,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kBool,
  kString,  // never reaches a backend
};

// Bytes of one element; 0 for kInvalid and kString.
MS_API size_t DTypeSize(DType dtype);
// ONNX spelling in lower case: "float32", "bfloat16", "int64", "bool".
MS_API std::string_view DTypeName(DType dtype);
// Accepts DTypeName spellings; kInvalid if unknown.
MS_API DType DTypeFromName(std::string_view name);

inline bool IsFloat(DType d) {
  return d == DType::kF32 || d == DType::kF64 || d == DType::kF16 || d == DType::kBF16;
}
inline bool IsSignedInteger(DType d) { return d >= DType::kI8 && d <= DType::kI64; }
inline bool IsUnsignedInteger(DType d) { return d >= DType::kU8 && d <= DType::kU64; }
inline bool IsInteger(DType d) { return IsSignedInteger(d) || IsUnsignedInteger(d); }

ms_dtype ToAbi(DType dtype);
DType FromAbi(ms_dtype dtype);  // kInvalid for a coding that the core does not know

MS_API uint16_t FloatToHalf(float value);
MS_API float HalfToFloat(uint16_t bits);
MS_API uint16_t FloatToBFloat16(float value);
MS_API float BFloat16ToFloat(uint16_t bits);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_DTYPE_H_
