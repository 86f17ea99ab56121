#include "core/models/openpi/layers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace midstream::openpi {
namespace {

constexpr double kRotaryBase = 10000;

std::map<std::string, const formats::WeightInfo*> ByName(
    const std::vector<formats::WeightInfo>& weights) {
  std::map<std::string, const formats::WeightInfo*> map;
  for (const formats::WeightInfo& weight : weights) map.emplace(weight.name, &weight);
  return map;
}

}  // namespace

Layers::Layers(const std::vector<formats::WeightInfo>& weights, Graph* graph)
    : weights_(ByName(weights)), graph_(*graph) {}

ValueId Layers::Weight(const std::string& name) {
  const auto [at, fresh] = added_.try_emplace(name, kNoValue);
  if (fresh) {
    const formats::WeightInfo& info = *weights_.at(name);
    at->second = graph_.AddWeight(name, info.dtype, info.shape);
  }
  return at->second;
}

ValueId Layers::FloatWeight(const std::string& name) {
  const ValueId weight = Weight(name);
  if (graph_.value(weight).dtype == DType::kF32) return weight;
  const auto [at, fresh] = floats_.try_emplace(name, kNoValue);
  if (fresh) at->second = Add("Cast", name + "/float", {weight}, {{"to", "float32"}});
  return at->second;
}

ValueId Layers::Ints(std::vector<int64_t> values) {
  return graph_.AddConstant("constant", Tensor::FromInts(values));
}

ValueId Layers::Int(int64_t value) {
  return graph_.AddConstant("constant", Tensor::Scalar(DType::kI64, value));
}

ValueId Layers::Floats(const std::vector<float>& values, const Shape& shape) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  std::copy(values.begin(), values.end(), tensor.mutable_as<float>().begin());
  return graph_.AddConstant("constant", std::move(tensor));
}

ValueId Layers::Reshape(const std::string& name, ValueId x, std::vector<int64_t> shape) {
  return Add("Reshape", name, {x, Ints(std::move(shape))});
}

ValueId Layers::Concat(const std::string& name, std::vector<ValueId> parts, int64_t axis) {
  return Add("Concat", name, std::move(parts), {{"axis", axis}});
}

ValueId Layers::Slice(const std::string& name, ValueId x, int64_t axis, int64_t begin,
                      int64_t end) {
  return Add("Slice", name, {x, Ints({begin}), Ints({end}), Ints({axis})});
}

ValueId Layers::SizeOf(const std::string& name, ValueId x, int64_t axis) {
  return Add("Gather", name, {Add("Shape", name + "/shape", {x}), Int(axis)});
}

ValueId Layers::Range(const std::string& name, ValueId begin, ValueId end) {
  return Add("Range", name, {begin, end, Int(1)});
}

ValueId Layers::MatMul(const std::string& name, ValueId x, const std::string& matrix,
                       const std::string& activation) {
  Attributes attrs;
  if (!activation.empty()) attrs["activation"] = activation;
  return graph_.Add("MatMul", name, {x, Weight(matrix)}, attrs, std::string(kMidstreamDomain));
}

ValueId Layers::Dense(const std::string& name, ValueId x, const std::string& layer,
                      const std::string& activation) {
  Attributes attrs;
  if (!activation.empty()) attrs["activation"] = activation;
  return graph_.Add("MatMul", name, {x, Weight(layer + "/kernel"), FloatWeight(layer + "/bias")},
                    attrs, std::string(kMidstreamDomain));
}

ValueId Layers::LayerNorm(const std::string& name, ValueId x, const std::string& layer) {
  return Add("LayerNormalization", name,
             {x, FloatWeight(layer + "/scale"), FloatWeight(layer + "/bias")},
             {{"axis", int64_t{-1}}, {"epsilon", kNormEpsilon}});
}

ValueId Layers::RmsNorm(const std::string& name, ValueId x, const std::string& layer) {
  const std::string scale = layer + "/scale";
  const ValueId one = Float(1);
  return Add("RMSNormalization", name,
             {x, Add("Add", scale + "/factor", {FloatWeight(scale), one})},
             {{"axis", int64_t{-1}}, {"epsilon", kNormEpsilon}});
}

ValueId Layers::Silu(const std::string& name, ValueId x) {
  return Add("Mul", name, {x, Add("Sigmoid", name + "/sigmoid", {x})});
}

Layers::Rotation Layers::Rotate(const std::string& name, ValueId positions, int64_t head_dim) {
  std::vector<float> wavelengths(static_cast<size_t>(head_dim / 2));
  for (size_t i = 0; i < wavelengths.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    wavelengths[i] = static_cast<float>(std::pow(kRotaryBase, exponent));
  }
  const ValueId divisor = Floats(wavelengths, {static_cast<int64_t>(wavelengths.size())});
  const ValueId at = Add("Cast", name + "/positions", {positions}, {{"to", "float32"}});
  const ValueId angles = Add("Div", name + "/angles", {at, divisor});
  return {Add("Cos", name + "/cos", {angles}), Add("Sin", name + "/sin", {angles})};
}

ValueId Layers::Rotary(const std::string& name, ValueId x, const Rotation& rotation,
                       int64_t heads) {
  return Add("RotaryEmbedding", name, {x, rotation.cos, rotation.sin},
             {{"num_heads", heads}, {"interleaved", int64_t{0}}});
}

ValueId Layers::Attention(const std::string& name, ValueId q, ValueId k, ValueId v, ValueId mask,
                          int64_t heads, int64_t kv_heads) {
  std::vector<ValueId> inputs = {q, k, v};
  if (mask != kNoValue) inputs.push_back(mask);
  return Add("Attention", name, std::move(inputs),
             {{"q_num_heads", heads}, {"kv_num_heads", kv_heads}});
}

}  // namespace midstream::openpi
