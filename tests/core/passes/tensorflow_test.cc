// Graphs that TensorFlow wrote compute the same before and after all passes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/formats/model_source.h"
#include "core/formats/npy/npz.h"
#include "core/passes/passes.h"
#include "tests/core/passes/reference_testing.h"

namespace midstream::passes {
namespace {

constexpr const char* kFolders[] = {
    "fused_batch_norm", "gaussian_policy", "half_and_bfloat16", "layernorm_attention", "legacy",
    "lstm_unrolled",    "nchw_transposes", "residual",          "separable",           "shapes"};

struct Fixture {
  Graph graph;
  Values values;  // inputs and weights
};

Result<Fixture> Load(const std::filesystem::path& folder) {
  std::ifstream file(folder / "about.json");
  nlohmann::json about = nlohmann::json::parse(file);
  MS_ASSIGN_OR_RETURN(auto model, formats::OpenModel(folder / about["checkpoint"]));
  formats::GraphRequest request;
  for (const auto& [name, unused] : about["inputs"].items()) request.feeds.push_back(name);
  for (const auto& [name, unused] : about["outputs"].items()) request.outputs.push_back(name);
  MS_ASSIGN_OR_RETURN(formats::BuiltGraph built, model->BuildGraph(request));
  Fixture fixture{std::move(built.graph), {}};
  MS_ASSIGN_OR_RETURN(auto arrays, formats::ReadNpz(folder / "io.npz"));
  for (ValueId id : fixture.graph.inputs()) {
    const std::string& name = fixture.graph.value(id).name;
    for (auto& [key, tensor] : arrays) {
      if (key == name || key == name + ":0") fixture.values[name] = tensor;
    }
  }
  for (ValueId id : fixture.graph.weights()) {
    const std::string& name = fixture.graph.value(id).name;
    MS_ASSIGN_OR_RETURN(fixture.values[name], model->ReadWeight(name));
  }
  return fixture;
}

class TensorFlowGraphs : public testing::TestWithParam<const char*> {};

TEST_P(TensorFlowGraphs, ComputeTheSameOptimized) {
  std::filesystem::path folder = std::filesystem::path(MS_TEST_DATA) / "tf/ops" / GetParam();
  ASSERT_NE(ReferenceEvaluator(), nullptr);
  auto fixture = Load(folder);
  ASSERT_TRUE(fixture.ok()) << fixture.status().ToString();
  Status inferred = InferShapes(fixture->graph, ReferenceEvaluator());
  ASSERT_TRUE(inferred.ok()) << inferred.ToString();
  auto expected = RunGraph(fixture->graph, {}, fixture->values);
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  for (Layout layout : {Layout::kNchw, Layout::kNhwc}) {
    Graph graph = fixture->graph;
    Options options{.layout = layout, .fuse = true, .remap = true, .precision = {}};
    auto recipes = Optimize(graph, options, *ReferenceEvaluator());
    ASSERT_TRUE(recipes.ok()) << recipes.status().ToString();
    auto actual = RunGraph(graph, *recipes, fixture->values);
    ASSERT_TRUE(actual.ok()) << actual.status().ToString();
    ExpectClose(*actual, *expected, 1e-4, 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, TensorFlowGraphs, testing::ValuesIn(kFolders),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace midstream::passes
