#include "core/graph/dtype.h"

#include <array>
#include <bit>
#include <cmath>

namespace midstream {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  uint8_t size;
  uint8_t code;
};

constexpr std::array<Row, 14> kRows = {{
    {DType::kF32, "float32", 4, MS_DTYPE_FLOAT},
    {DType::kF64, "float64", 8, MS_DTYPE_FLOAT},
    {DType::kF16, "float16", 2, MS_DTYPE_FLOAT},
    {DType::kBF16, "bfloat16", 2, MS_DTYPE_BFLOAT},
    {DType::kI8, "int8", 1, MS_DTYPE_INT},
    {DType::kI16, "int16", 2, MS_DTYPE_INT},
    {DType::kI32, "int32", 4, MS_DTYPE_INT},
    {DType::kI64, "int64", 8, MS_DTYPE_INT},
    {DType::kU8, "uint8", 1, MS_DTYPE_UINT},
    {DType::kU16, "uint16", 2, MS_DTYPE_UINT},
    {DType::kU32, "uint32", 4, MS_DTYPE_UINT},
    {DType::kU64, "uint64", 8, MS_DTYPE_UINT},
    {DType::kBool, "bool", 1, MS_DTYPE_BOOL},
    {DType::kString, "string", 0, 0},
}};

const Row* Find(DType dtype) {
  auto idx = static_cast<size_t>(dtype);
  return idx >= 1 && idx <= kRows.size() ? &kRows[idx - 1] : nullptr;
}

}  // namespace

size_t DTypeSize(DType dtype) {
  const Row* row = Find(dtype);
  return row ? row->size : 0;
}

std::string_view DTypeName(DType dtype) {
  const Row* row = Find(dtype);
  return row ? row->name : "invalid";
}

DType DTypeFromName(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return DType::kInvalid;
}

ms_dtype ToAbi(DType dtype) {
  const Row* row = Find(dtype);
  if (row == nullptr || row->size == 0) return ms_dtype{0, 0, 0};
  return ms_dtype{row->code, static_cast<uint8_t>(row->size * 8), 1};
}

DType FromAbi(ms_dtype dtype) {
  if (dtype.lanes != 1) return DType::kInvalid;
  for (const Row& row : kRows) {
    if (row.size != 0 && row.code == dtype.code && row.size * 8 == dtype.bits) return row.dtype;
  }
  return DType::kInvalid;
}

uint16_t FloatToHalf(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);   // NaN, made quiet
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to infinity
  if (magnitude < 0x38800000u) {  // subnormal half: let the float adder do the rounding
    float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

float HalfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  uint32_t exponent = (bits >> 10) & 0x1fu;
  uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0x1fu) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    float value = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

uint16_t FloatToBFloat16(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float BFloat16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace midstream
