#include "plugins/reference/element.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace midstream::reference {
namespace {

template <typename T>
T Read(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename T>
void Write(void* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// The float next to `value` that is odd unless the conversion is exact: rounding it once more, to
// fewer bits, gives what rounding `value` at once would give.
float RoundToOdd(double value) {
  auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value) || std::isinf(nearest)) {
    return nearest;
  }
  auto bits = std::bit_cast<uint32_t>(nearest);
  if ((bits & 1u) != 0) return nearest;
  bool beyond = std::fabs(static_cast<double>(nearest)) > std::fabs(value);
  return std::bit_cast<float>(beyond ? bits - 1u : bits + 1u);
}

uint16_t ToHalf(double value) {
  float single = RoundToOdd(value);
  auto sign = static_cast<uint16_t>(std::signbit(single) ? 0x8000 : 0);
  float magnitude = std::fabs(single);
  if (std::isnan(magnitude)) return static_cast<uint16_t>(sign | 0x7e00);
  if (magnitude >= 65520.0f) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x1p-14f) {  // subnormal: units of 2^-24
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(magnitude * 0x1p24f)));
  }
  auto bits = std::bit_cast<uint32_t>(magnitude);
  bits += 0xfffu + ((bits >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((bits - (112u << 23)) >> 13));
}

double FromHalf(uint16_t bits) {
  int exponent = (bits >> 10) & 0x1f;
  int mantissa = bits & 0x3ff;
  double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  if (exponent == 0x1f) magnitude = mantissa == 0 ? INFINITY : NAN;
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

uint16_t ToBFloat(double value) {
  auto bits = std::bit_cast<uint32_t>(RoundToOdd(value));
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

double FromBFloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

}  // namespace

Wide WideOf(ms_dtype dtype) {
  if (dtype.lanes != 1) return Wide::kNone;
  bool sized = dtype.bits == 8 || dtype.bits == 16 || dtype.bits == 32 || dtype.bits == 64;
  switch (dtype.code) {
    case MS_DTYPE_FLOAT:
      return sized && dtype.bits != 8 ? Wide::kReal : Wide::kNone;
    case MS_DTYPE_BFLOAT:
      return dtype.bits == 16 ? Wide::kReal : Wide::kNone;
    case MS_DTYPE_INT:
      return sized ? Wide::kSigned : Wide::kNone;
    case MS_DTYPE_BOOL:
      return dtype.bits == 8 ? Wide::kSigned : Wide::kNone;
    case MS_DTYPE_UINT:
      return sized ? Wide::kUnsigned : Wide::kNone;
    default:
      return Wide::kNone;
  }
}

double LoadReal(ms_dtype dtype, const void* element) {
  if (dtype.code == MS_DTYPE_BFLOAT) return FromBFloat(Read<uint16_t>(element));
  if (dtype.bits == 16) return FromHalf(Read<uint16_t>(element));
  return dtype.bits == 32 ? Read<float>(element) : Read<double>(element);
}

int64_t LoadInt(ms_dtype dtype, const void* element) {
  bool is_signed = dtype.code == MS_DTYPE_INT;
  switch (dtype.bits) {
    case 8:
      return is_signed ? Read<int8_t>(element) : Read<uint8_t>(element);
    case 16:
      return is_signed ? Read<int16_t>(element) : Read<uint16_t>(element);
    case 32:
      return is_signed ? Read<int32_t>(element) : static_cast<int64_t>(Read<uint32_t>(element));
    default:
      return Read<int64_t>(element);
  }
}

void StoreReal(ms_dtype dtype, void* element, double value) {
  if (dtype.code == MS_DTYPE_BFLOAT) return Write(element, ToBFloat(value));
  if (dtype.bits == 16) return Write(element, ToHalf(value));
  if (dtype.bits == 32) return Write(element, static_cast<float>(value));
  Write(element, value);
}

void StoreInt(ms_dtype dtype, void* element, int64_t value) {
  if (dtype.code == MS_DTYPE_BOOL) return Write<uint8_t>(element, value != 0 ? 1 : 0);
  auto bits = static_cast<uint64_t>(value);
  switch (dtype.bits) {
    case 8:
      return Write(element, static_cast<uint8_t>(bits));
    case 16:
      return Write(element, static_cast<uint16_t>(bits));
    case 32:
      return Write(element, static_cast<uint32_t>(bits));
    default:
      return Write(element, bits);
  }
}

int64_t IntAt(const sdk::TensorView& tensor, int64_t i) {
  auto offset = static_cast<uint64_t>(i) * sdk::ByteWidth(tensor.dtype);
  return LoadInt(tensor.dtype, tensor.as<std::byte>() + offset);
}

void Widen(const sdk::TensorView& tensor, void* wide) {
  bool real = WideOf(tensor.dtype) == Wide::kReal;
  const auto* from = tensor.as<std::byte>();
  for (int64_t i = 0, n = tensor.count(); i < n; ++i, from += sdk::ByteWidth(tensor.dtype)) {
    if (real) {
      static_cast<double*>(wide)[i] = LoadReal(tensor.dtype, from);
    } else {
      static_cast<int64_t*>(wide)[i] = LoadInt(tensor.dtype, from);
    }
  }
}

void Narrow(const void* wide, const sdk::TensorView& tensor) {
  bool real = WideOf(tensor.dtype) == Wide::kReal;
  auto* to = tensor.as<std::byte>();
  for (int64_t i = 0, n = tensor.count(); i < n; ++i, to += sdk::ByteWidth(tensor.dtype)) {
    if (real) {
      StoreReal(tensor.dtype, to, static_cast<const double*>(wide)[i]);
    } else {
      StoreInt(tensor.dtype, to, static_cast<const int64_t*>(wide)[i]);
    }
  }
}

int64_t LowestInt(ms_dtype dtype) {
  if (dtype.code != MS_DTYPE_INT) return 0;
  return -(int64_t{1} << (dtype.bits - 2)) * 2;
}

int64_t HighestInt(ms_dtype dtype) {
  if (dtype.code == MS_DTYPE_BOOL) return 1;
  if (dtype.code == MS_DTYPE_INT) return -(LowestInt(dtype) + 1);
  return static_cast<int64_t>(~uint64_t{0} >> (64 - dtype.bits));
}

}  // namespace midstream::reference
