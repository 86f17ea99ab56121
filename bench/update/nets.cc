#include "bench/update/nets.h"

#include "bench/support/mnist_deep.h"
#include "core/measure/clock.h"

namespace midstream::bench {
namespace {

Tensor Filled(const Shape& shape, uint32_t seed, float scale) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  for (float& value : tensor.mutable_as<float>()) {
    seed = seed * 1664525 + 1013904223;
    value = (static_cast<float>(seed >> 8) * 0x1p-24F - 0.5F) * scale;
  }
  return tensor;
}

void AddWeight(Model* model, const std::string& name, const Shape& shape, float scale) {
  for (uint32_t v = 0; v < 2; ++v) {
    const auto seed = static_cast<uint32_t>(model->weights[v].size() * 2 + v);
    model->weights[v].push_back({name, Filled(shape, seed, scale)});
  }
}

}  // namespace

uint64_t Model::bytes() const {
  uint64_t sum = 0;
  for (const NamedTensor& weight : weights[0]) sum += weight.value.byte_size();
  return sum;
}

Model MnistDeep() { return {MakeMnistDeep(), {MakeWeights(1), MakeWeights(2)}, {MakeImages(1)}}; }

Model Mlp(const std::vector<int64_t>& widths, bool shared) {
  Model model;
  ValueId x = model.graph.AddInput("x", DType::kF32, {kUnknownDim, widths.front()});
  Tensor matrix;
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    const std::string layer = "layer" + std::to_string(i);
    const Shape shape{widths[i], widths[i + 1]};
    const ValueId w = model.graph.AddWeight(layer + "/w", DType::kF32, shape);
    const ValueId b = model.graph.AddWeight(layer + "/b", DType::kF32, {widths[i + 1]});
    if (!shared) {
      AddWeight(&model, layer + "/w", shape, 0.1F);
    } else {
      if (i == 0) matrix = Filled(shape, 1, 0.01F);
      for (auto& weights : model.weights) weights.push_back({layer + "/w", matrix});
    }
    AddWeight(&model, layer + "/b", {widths[i + 1]}, 0.1F);
    x = model.graph.Add("MatMul", layer + "/matmul", {x, w});
    x = model.graph.Add("Add", layer + "/add", {x, b});
    if (i + 2 < widths.size()) x = model.graph.Add("Relu", layer + "/relu", {x});
  }
  model.graph.AddOutput(x, "y");
  model.inputs = {Filled({1, widths.front()}, 9, 1)};
  return model;
}

Model Vectors(int64_t count, int64_t length) {
  Model model;
  ValueId x = model.graph.AddInput("x", DType::kF32, {length});
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = "v" + std::to_string(i);
    const ValueId v = model.graph.AddWeight(name, DType::kF32, {length});
    AddWeight(&model, name, {length}, 0.1F);
    x = model.graph.Add("Add", name + "/add", {x, v});
  }
  model.graph.AddOutput(x, "y");
  model.inputs = {Filled({length}, 9, 1)};
  return model;
}

Result<measure::UpdateTimes> Update(weights::Store& store, const std::vector<NamedTensor>& values,
                                    Hand hand) {
  const uint64_t begin = measure::Now();
  weights::Transaction transaction = store.Begin();
  for (const NamedTensor& weight : values) {
    if (hand == Hand::kAdopt) {
      transaction.Adopt(weight.name, weight.value);
    } else {
      transaction.Put(weight.name, weight.value);
    }
  }
  MS_RETURN_IF_ERROR(transaction.Stage());
  const uint64_t staged = measure::Now();
  const Result<uint64_t> version = transaction.Commit();
  const uint64_t end = measure::Now();
  if (!version.ok()) return version.status();
  return measure::UpdateTimes{staged - begin, end - staged};
}

}  // namespace midstream::bench
