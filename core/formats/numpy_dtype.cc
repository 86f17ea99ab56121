#include "core/formats/numpy_dtype.h"

#include <array>
#include <utility>

namespace midstream::formats {
namespace {

constexpr std::array<std::pair<std::string_view, DType>, 12> kLetters = {{
    {"f4", DType::kF32},
    {"f8", DType::kF64},
    {"f2", DType::kF16},
    {"i1", DType::kI8},
    {"i2", DType::kI16},
    {"i4", DType::kI32},
    {"i8", DType::kI64},
    {"u1", DType::kU8},
    {"u2", DType::kU16},
    {"u4", DType::kU32},
    {"u8", DType::kU64},
    {"b1", DType::kBool},
}};

}  // namespace

std::optional<DType> FromNumpyLetters(std::string_view letters) {
  for (const auto& [known, dtype] : kLetters) {
    if (known == letters) return dtype;
  }
  return std::nullopt;
}

std::string_view NumpyLetters(DType dtype) {
  for (const auto& [letters, known] : kLetters) {
    if (known == dtype) return letters;
  }
  return {};
}

}  // namespace midstream::formats
