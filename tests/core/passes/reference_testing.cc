#include "tests/core/passes/reference_testing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/backend/host.h"
#include "core/backend/registry.h"
#include "core/graph/element.h"
#include "core/plan/evaluator.h"

namespace midstream::passes {
namespace {

Result<std::shared_ptr<backend::Device>> OpenReference() {
  Config config;
  config.backend = "reference";
  config.plugins.dir = MS_PLUGIN_DIR;
  config.plugins.list = {"reference"};
  config.plugins.probe = config::ProbeMode::kOff;
  static backend::Registry registry = backend::LoadPlugins(config, backend::ProcessHost());
  const backend::LoadedPlugin* plugin = registry.Find("reference");
  if (plugin == nullptr) return registry.WhyMissing("reference");
  return backend::Device::Open(plugin->plugin, {});
}

Tensor RandomTensor(const Value& value, int64_t unknown, std::mt19937& random) {
  std::vector<int64_t> dims = value.shape.dims();
  for (int64_t& dim : dims) dim = dim < 0 ? unknown : dim;
  Tensor tensor = *Tensor::Allocate(value.dtype, dims);
  bool positive = value.name.ends_with("variance");
  // Not std::normal_distribution: its values differ between standard libraries.
  auto uniform = [&] { return static_cast<float>(random()) / 4294967296.0f; };
  for (size_t i = 0; i < static_cast<size_t>(tensor.count()); ++i) {
    if (value.dtype == DType::kF32) {
      tensor.mutable_as<float>()[i] = positive ? 0.5f + uniform() : uniform() - 0.5f;
    } else if (value.dtype == DType::kI64) {
      tensor.mutable_as<int64_t>()[i] = static_cast<int64_t>(random() % 4);
    } else {
      ADD_FAILURE() << "no random values of dtype " << DTypeName(value.dtype);
    }
  }
  return tensor;
}

}  // namespace

Evaluator* ReferenceEvaluator() {
  static auto device = OpenReference();
  if (!device.ok()) {
    ADD_FAILURE() << device.status().ToString();
    return nullptr;
  }
  static plan::BackendEvaluator evaluator(std::vector{*device});
  return &evaluator;
}

Values RandomValues(const Graph& graph, uint32_t seed, int64_t unknown) {
  std::mt19937 random(seed);
  Values values;
  for (const auto* ids : {&graph.inputs(), &graph.weights()}) {
    for (ValueId id : *ids) {
      values[graph.value(id).name] = RandomTensor(graph.value(id), unknown, random);
    }
  }
  return values;
}

Result<std::vector<Tensor>> RunGraph(const Graph& graph, const std::vector<Recipe>& recipes,
                                     Values values) {
  Evaluator& evaluator = *ReferenceEvaluator();
  for (const Recipe& recipe : recipes) {
    std::vector<Tensor> sources;
    for (const std::string& source : recipe.sources) sources.push_back(values.at(source));
    MS_ASSIGN_OR_RETURN(std::vector<Tensor> made,
                        plan::EvaluateGraph(recipe.graph, sources, evaluator));
    values[recipe.result] = made.at(0);
  }
  std::vector<Tensor> at(graph.values().size());
  for (ValueId id = 0; id < at.size(); ++id) {
    const Value& value = graph.value(id);
    if (value.kind == ValueKind::kConstant) at[id] = value.constant;
    if (value.kind == ValueKind::kInput || value.kind == ValueKind::kWeight) {
      auto it = values.find(value.name);
      if (it == values.end()) return NotFound("no value for '" + value.name + "'");
      at[id] = it->second;
    }
  }
  for (const Node& node : graph.nodes()) {
    std::vector<Tensor> inputs;
    for (ValueId in : node.inputs) inputs.push_back(in == kNoValue ? Tensor() : at[in]);
    MS_ASSIGN_OR_RETURN(std::vector<Tensor> results, evaluator.Evaluate(node, inputs));
    for (size_t i = 0; i < results.size(); ++i) at[node.outputs[i]] = results[i];
  }
  std::vector<Tensor> outputs;
  for (ValueId out : graph.outputs()) outputs.push_back(at[out]);
  return outputs;
}

void ExpectClose(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected,
                 double rtol, double atol) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].dtype(), expected[i].dtype()) << "output " << i;
    ASSERT_EQ(actual[i].shape(), expected[i].shape()) << "output " << i;
    if (!IsFloat(actual[i].dtype())) {
      EXPECT_TRUE(BitEqual(actual[i], expected[i])) << "output " << i;
      continue;
    }
    for (size_t k = 0; k < static_cast<size_t>(actual[i].count()); ++k) {
      double want = ElementAsDouble(expected[i], static_cast<int64_t>(k));
      double got = ElementAsDouble(actual[i], static_cast<int64_t>(k));
      // Written so that a NaN fails.
      ASSERT_TRUE(std::abs(got - want) <= rtol * std::abs(want) + atol)
          << "output " << i << " element " << k << ": " << got << ", expected " << want;
    }
  }
}

}  // namespace midstream::passes
