#include "tests/plugins/ops/op_case.h"

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

void AddWithDTypes(OpCases* cases, const OpCase& one, const std::vector<DType>& dtypes) {
  cases->push_back(one);
  for (DType dtype : dtypes) {
    OpCase other = one;
    for (Arg& arg : other.args) {
      if (arg.dtype != DType::kF32) continue;
      arg.dtype = dtype;
      if (IsUnsignedInteger(dtype) && arg.low < 0) arg = arg.In(0, 5);
      if (IsInteger(dtype) && arg.high < 3) arg = arg.In(IsUnsignedInteger(dtype) ? 0 : -5, 5);
    }
    cases->push_back(other);
  }
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
    if (arg.constant) text += "=" + Shape(*arg.value.ToInts()).ToString();
  }
  text += ") {";
  for (const auto& [name, value] : one.attrs) text += " " + name + "=" + ToText(value);
  return text + " }";
}

}  // namespace midstream::op_cases
