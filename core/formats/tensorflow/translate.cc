#include "core/formats/tensorflow/translate.h"

#include <array>
#include <unordered_map>

#include "core/formats/file.h"
#include "core/formats/tensorflow/known_ints.h"

namespace midstream::tensorflow {
namespace {

std::unordered_map<std::string_view, Translation> MakeIndex() {
  TranslationTable table;
  AddMathTranslations(&table);
  AddReduceTranslations(&table);
  AddNeuralTranslations(&table);
  AddWindowTranslations(&table);
  AddShapeTranslations(&table);
  AddSliceTranslations(&table);
  AddChoiceTranslations(&table);
  AddRandomTranslations(&table);
  AddSpecialTranslations(&table);
  AddIndexTranslations(&table);
  AddMatrixTranslations(&table);
  AddEinsumTranslations(&table);
  AddBlockTranslations(&table);
  AddResizeTranslations(&table);
  AddRecurrentTranslations(&table);
  AddDeconvolutionTranslations(&table);
  AddPartitionTranslations(&table);
  return {table.begin(), table.end()};
}

Tensor MakeScalar(DType dtype, double value) {
  switch (dtype) {
    case DType::kF32:
      return Tensor::Scalar(dtype, static_cast<float>(value));
    case DType::kF64:
      return Tensor::Scalar(dtype, value);
    case DType::kF16:
      return Tensor::Scalar(dtype, FloatToHalf(static_cast<float>(value)));
    case DType::kBF16:
      return Tensor::Scalar(dtype, FloatToBFloat16(static_cast<float>(value)));
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return Tensor::Scalar(dtype, static_cast<uint8_t>(static_cast<int64_t>(value)));
    case DType::kI16:
    case DType::kU16:
      return Tensor::Scalar(dtype, static_cast<uint16_t>(static_cast<int64_t>(value)));
    case DType::kI32:
    case DType::kU32:
      return Tensor::Scalar(dtype, static_cast<uint32_t>(static_cast<int64_t>(value)));
    default:
      return Tensor::Scalar(DType::kI64, static_cast<int64_t>(value));
  }
}

}  // namespace

Translation FindTranslation(std::string_view op) {
  static const auto index = MakeIndex();
  auto it = index.find(op);
  return it == index.end() ? nullptr : it->second;
}

int64_t OnnxType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 1;
    case DType::kU8:
      return 2;
    case DType::kI8:
      return 3;
    case DType::kU16:
      return 4;
    case DType::kI16:
      return 5;
    case DType::kI32:
      return 6;
    case DType::kI64:
      return 7;
    case DType::kString:
      return 8;
    case DType::kBool:
      return 9;
    case DType::kF16:
      return 10;
    case DType::kF64:
      return 11;
    case DType::kU32:
      return 12;
    case DType::kU64:
      return 13;
    case DType::kBF16:
      return 16;
    case DType::kInvalid:
      break;
  }
  return 0;
}

Status OpContext::ExpectInputs(size_t n) const {
  if (inputs_.size() == n) return OkStatus();
  return Invalid("has " + std::to_string(inputs_.size()) + " inputs; expected " +
                 std::to_string(n));
}

Result<DType> OpContext::Type(std::string_view attr) const {
  int64_t type = source_.Type(node_, attr);
  // Attributes that came after the operator, with the type that it had until then.
  static constexpr std::pair<std::string_view, DType> kLater[] = {{"out_type", DType::kI32},
                                                                  {"output_type", DType::kI64},
                                                                  {"index_type", DType::kI32},
                                                                  {"output_dtype", DType::kI64}};
  for (const auto& [name, before] : kLater) {
    if (type == 0 && name == attr) return before;
  }
  DType dtype = DTypeFromProto(type);
  if (DTypeSize(dtype) == 0) {
    return Unsupported("computes with the type " + ProtoTypeName(type));
  }
  return dtype;
}

std::optional<std::vector<int64_t>> OpContext::ConstantInts(size_t i) const {
  const Value& value = graph_.value(inputs_[i]);
  if (value.kind != ValueKind::kConstant) return AllKnown(FindKnownInts(graph_, inputs_[i]));
  auto ints = value.constant.ToInts();
  if (!ints.ok()) return std::nullopt;
  return *std::move(ints);
}

Result<int64_t> OpContext::ConstantInt(size_t i, std::string_view what) const {
  auto ints = ConstantInts(i);
  if (!ints) return Unsupported("its " + std::string(what) + " is not a constant");
  if (ints->size() != 1) return Invalid("its " + std::string(what) + " is not one number");
  return (*ints)[0];
}

ValueId OpContext::AsInt64(size_t i) {
  const Value& value = graph_.value(inputs_[i]);
  if (value.dtype == DType::kI64) return inputs_[i];
  std::string suffix = "input" + std::to_string(i);
  if (auto ints = ConstantInts(i)) {
    Shape shape = value.shape;
    if (!shape.IsFullyKnown()) shape = Shape{static_cast<int64_t>(ints->size())};
    Tensor tensor = Tensor::FromInts(*ints);
    if (auto shaped = tensor.Reshaped(shape); shaped.ok()) tensor = *shaped;
    return graph_.AddConstant(name() + "/" + suffix, tensor);
  }
  return CastTo(suffix, inputs_[i], DType::kI64);
}

ValueId OpContext::Ints(std::string_view suffix, const std::vector<int64_t>& values) {
  return graph_.AddConstant(name() + "/" + std::string(suffix), Tensor::FromInts(values));
}

ValueId OpContext::Scalar(std::string_view suffix, DType dtype, double value) {
  return graph_.AddConstant(name() + "/" + std::string(suffix), MakeScalar(dtype, value));
}

ValueId OpContext::Helper(std::string_view op, std::string_view suffix, std::vector<ValueId> inputs,
                          Attributes attrs) {
  return graph_.Add(std::string(op), name() + "/" + std::string(suffix), std::move(inputs),
                    std::move(attrs));
}

ValueId OpContext::CastTo(std::string_view suffix, ValueId value, DType dtype) {
  return Helper("Cast", suffix, {value}, {{"to", OnnxType(dtype)}});
}

ValueId OpContext::RandomKey() {
  if (random_key_ == kNoValue) {
    random_key_ = graph_.AddInput("midstream/random_key", DType::kI64, Shape{2});
  }
  return random_key_;
}

Status OpContext::Emit(std::string_view op, std::vector<ValueId> inputs, Attributes attrs) {
  return Return(graph_.Add(std::string(op), name(), std::move(inputs), std::move(attrs)));
}

Status OpContext::EmitCast(ValueId value, DType dtype) {
  return Emit("Cast", {value}, {{"to", OnnxType(dtype)}});
}

Status OpContext::Return(ValueId value) {
  outputs_ = {value};
  return OkStatus();
}

Status OpContext::ReturnAll(std::vector<ValueId> values) {
  outputs_ = std::move(values);
  return OkStatus();
}

Status OpContext::Unsupported(std::string_view what) const {
  return Unimplemented(Describe(node_) + " " + std::string(what));
}

Status OpContext::Invalid(std::string_view what) const {
  return InvalidArgument(Describe(node_) + " " + std::string(what));
}

}  // namespace midstream::tensorflow
