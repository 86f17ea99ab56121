#include "tests/plugins/ops/op_case.h"

#include <cmath>
#include <cstring>

namespace midstream::op_cases {
namespace {

std::string ToText(const AttrValue& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) return std::to_string(*i);
  if (const auto* f = std::get_if<double>(&value)) return std::to_string(*f);
  if (const auto* s = std::get_if<std::string>(&value)) return "'" + *s + "'";
  if (const auto* list = std::get_if<IntList>(&value)) return Shape(*list).ToString();
  return "[...]";
}

}  // namespace

Arg F32(const Shape& shape) { return Of(DType::kF32, shape); }

Arg Of(DType dtype, const Shape& shape) {
  Arg arg;
  arg.dtype = dtype;
  arg.shape = shape;
  return arg;
}

Arg Exactly(const Shape& shape, const std::vector<float>& values) {
  Arg arg = F32(shape);
  arg.value = *Tensor::Copy(DType::kF32, shape, std::as_bytes(std::span(values)));
  return arg;
}

Arg ConstInts(const std::vector<int64_t>& values) {
  Tensor tensor = Tensor::FromInts(values);
  Arg arg = Of(DType::kI64, tensor.shape());
  arg.value = tensor;
  arg.constant = true;
  return arg;
}

Arg ConstScalar(int64_t value) {
  Arg arg = ConstInts({value});
  arg.shape = Shape{};
  arg.value = *arg.value.Reshaped(Shape{});
  return arg;
}

Arg ConstReal(float value) {
  Arg arg = Exactly({}, {value});
  arg.constant = true;
  return arg;
}

void StoreElement(DType dtype, double value, void* to) {
  auto put = [&](auto v) { std::memcpy(to, &v, sizeof v); };
  switch (dtype) {
    case DType::kF64:
      return put(value);
    case DType::kF32:
      return put(static_cast<float>(value));
    case DType::kF16:
      return put(FloatToHalf(static_cast<float>(value)));
    case DType::kBF16:
      return put(FloatToBFloat16(static_cast<float>(value)));
    case DType::kBool:
      return put(static_cast<uint8_t>(value != 0));
    default:
      break;
  }
  auto integer = static_cast<int64_t>(std::llround(value));
  std::memcpy(to, &integer, DTypeSize(dtype));  // little endian
}

OpCase InDType(const OpCase& one, DType dtype) {
  OpCase other = one;
  if (one.op == "ConstantOfShape") other.attrs["dtype"] = Text(std::string(DTypeName(dtype)));
  for (Arg& arg : other.args) {
    if (arg.dtype != DType::kF32) continue;
    arg.dtype = dtype;
    if (!arg.value.empty()) {
      Tensor given = arg.value;
      arg.value = *Tensor::Allocate(dtype, given.shape());
      auto* to = static_cast<std::byte*>(arg.value.mutable_data());
      for (float value : given.as<float>()) {
        StoreElement(dtype, value, to);
        to += DTypeSize(dtype);
      }
    }
    if (IsUnsignedInteger(dtype) && arg.low < 0) arg = arg.In(0, 5);
    if (IsInteger(dtype) && arg.high < 3) arg = arg.In(IsUnsignedInteger(dtype) ? 0 : -5, 5);
  }
  return other;
}

DType DataDType(const OpCase& one) {
  if (one.op == "Where") return one.args[1].dtype;
  if (one.op == "OneHot" || one.op == "RandomUniformInt") return one.args[2].dtype;
  bool made = one.op == "ConstantOfShape" || one.op.starts_with("Random");
  if (!made) return one.args[0].dtype;
  if (auto it = one.attrs.find("dtype"); it != one.attrs.end()) {
    return DTypeFromName(std::get<std::string>(it->second));
  }
  auto value = one.attrs.find("value");
  bool integer = value != one.attrs.end() && std::holds_alternative<int64_t>(value->second);
  return integer ? DType::kI64 : DType::kF32;
}

void AddWithDTypes(OpCases* cases, const OpCase& one, const std::vector<DType>& dtypes) {
  cases->push_back(one);
  for (DType dtype : dtypes) cases->push_back(InDType(one, dtype));
}

const OpCases& AllCases() {
  static const OpCases cases = [] {
    OpCases all;
    AddElementwiseCases(&all);
    AddMatMulCases(&all);
    AddConvCases(&all);
    AddPoolCases(&all);
    AddNormalizationCases(&all);
    AddReduceCases(&all);
    AddShapeCases(&all);
    AddMovementCases(&all);
    AddGeneratorCases(&all);
    AddRandomCases(&all);
    AddIndexingCases(&all);
    AddFunctionCases(&all);
    AddAttentionCases(&all);
    return all;
  }();
  return cases;
}

std::string Describe(const OpCase& one) {
  std::string text = one.Key() + "(";
  for (size_t i = 0; i < one.args.size(); ++i) {
    const Arg& arg = one.args[i];
    text += i > 0 ? ", " : "";
    if (arg.dtype == DType::kInvalid) {
      text += "-";
    } else {
      text += std::string(DTypeName(arg.dtype)) + arg.shape.ToString();
    }
    auto ints = arg.value.ToInts();
    if (arg.constant && ints.ok()) text += "=" + Shape(*ints).ToString();
  }
  text += ") {";
  for (const auto& [name, value] : one.attrs) text += " " + name + "=" + ToText(value);
  return text + " }";
}

}  // namespace midstream::op_cases
