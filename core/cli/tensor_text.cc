// Tensors for people and for JSON.
#include "core/cli/tensor_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <variant>

namespace midstream::cli {
namespace {

using Element = std::variant<std::monostate, bool, int64_t, uint64_t, float, double>;

template <typename T>
T At(const Tensor& tensor, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char*>(tensor.data()) + index * sizeof(T), sizeof(T));
  return value;
}

Element ElementAt(const Tensor& tensor, int64_t index) {
  switch (tensor.dtype()) {
    case DType::kF32:
      return At<float>(tensor, index);
    case DType::kF64:
      return At<double>(tensor, index);
    case DType::kF16:
      return HalfToFloat(At<uint16_t>(tensor, index));
    case DType::kBF16:
      return BFloat16ToFloat(At<uint16_t>(tensor, index));
    case DType::kI8:
      return int64_t{At<int8_t>(tensor, index)};
    case DType::kI16:
      return int64_t{At<int16_t>(tensor, index)};
    case DType::kI32:
      return int64_t{At<int32_t>(tensor, index)};
    case DType::kI64:
      return At<int64_t>(tensor, index);
    case DType::kU8:
      return uint64_t{At<uint8_t>(tensor, index)};
    case DType::kU16:
      return uint64_t{At<uint16_t>(tensor, index)};
    case DType::kU32:
      return uint64_t{At<uint32_t>(tensor, index)};
    case DType::kU64:
      return At<uint64_t>(tensor, index);
    case DType::kBool:
      return At<uint8_t>(tensor, index) != 0;
    case DType::kString:
    case DType::kInvalid:
      break;
  }
  return std::monostate();
}

struct ToText {
  std::string operator()(std::monostate) const { return "?"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(uint64_t value) const { return std::to_string(value); }
  std::string operator()(float value) const { return fmt::format("{:.6g}", value); }
  std::string operator()(double value) const { return fmt::format("{:.6g}", value); }
};

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(float value) const { return (*this)(static_cast<double>(value)); }
  Json operator()(double value) const { return std::isfinite(value) ? Json(value) : Json(nullptr); }
  template <typename T>
  Json operator()(T value) const {
    return value;
  }
};

}  // namespace

std::string FirstValuesText(const Tensor& tensor, int64_t limit) {
  std::string text;
  for (int64_t i = 0; i < std::min(tensor.count(), limit); ++i) {
    if (i > 0) text += ' ';
    text += std::visit(ToText(), ElementAt(tensor, i));
  }
  return tensor.count() > limit ? text + " ..." : text;
}

Json FirstValuesJson(const Tensor& tensor, int64_t limit) {
  Json json = Json::array();
  for (int64_t i = 0; i < std::min(tensor.count(), limit); ++i) {
    json.push_back(std::visit(ToJson(), ElementAt(tensor, i)));
  }
  return json;
}

Json ShapeJson(const Shape& shape) {
  if (!shape.rank_known()) return nullptr;
  Json json = Json::array();
  for (const int64_t dim : shape.dims()) {
    json.push_back(dim == kUnknownDim ? Json(nullptr) : Json(dim));
  }
  return json;
}

}  // namespace midstream::cli
