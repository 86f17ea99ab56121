// The weights of recorded OpenPI models: each matters as much as openpi says, and both layouts of a
// checkpoint are the same weights.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/formats/model_source.h"
#include "core/policy/runner.h"
#include "tests/core/policy/golden_testing.h"

namespace midstream::policy {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kCameras = {"base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"};

class OpenPiWeights : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!HaveOpenPi()) GTEST_SKIP() << kOpenPi << " is not there";
    engine_ = *Engine::Open("", {"plugins.dir=" MS_PLUGIN_DIR, "backend=cpu_blas",
                                 "policy.vision_heads=4", "execution.threads=2"});
  }

  Model Load(const std::string& checkpoint) {
    auto model = engine_->Load(kOpenPi + GetParam() + "/" + checkpoint);
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    return *model;
  }

  std::optional<Engine> engine_;
};

// The canonical weights that "PaliGemma/llm/layers/attn/kv_einsum/w[1]" stands for.
std::vector<std::string> Canonical(const formats::ModelSource& source, std::string leaf) {
  if (leaf.back() == ']') {
    const size_t open = leaf.rfind('[');
    const std::string layer = leaf.substr(open + 1, leaf.size() - open - 2);
    leaf.resize(open);
    for (const std::string stack : {"/layers/", "/encoderblock/"}) {
      const size_t at = leaf.find(stack);
      if (at != std::string::npos) leaf.insert(at + stack.size(), layer + "/");
    }
  }
  if (leaf.find("kv_einsum") != std::string::npos) leaf.resize(leaf.size() - 2);
  std::vector<std::string> names;
  for (const formats::WeightInfo& weight : source.weights()) {
    if (weight.name == leaf || weight.name.starts_with(leaf + "/")) names.push_back(weight.name);
  }
  return names;
}

Tensor Negated(const Tensor& value) {
  Tensor negated = *Tensor::Allocate(value.dtype(), value.shape());
  std::transform(value.as<float>().begin(), value.as<float>().end(),
                 negated.mutable_as<float>().begin(), std::negate<>());
  return negated;
}

TEST_P(OpenPiWeights, MatterAsMuchAsRecorded) {
  const Golden golden(GetParam());
  std::ifstream file(kOpenPi + GetParam() + "/sensitivity.json");
  const auto recorded = nlohmann::json::parse(file);
  Model model = Load("jax_f32");
  auto runner = Runner::Open(*engine_, model);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();
  std::vector<ModelInputs> inputs;
  std::vector<Tensor> noises;
  for (int64_t sample : {0, 1}) {
    inputs.push_back(golden.Inputs(sample, kCameras));
    noises.push_back(golden.Input("noise", sample));
  }
  const auto run = [&] {
    std::vector<float> actions;
    for (size_t sample : {0, 1}) {
      const auto result = runner->Run(inputs[sample], noises[sample]);
      EXPECT_TRUE(result.ok()) << result.status().ToString();
      const auto values = result->actions.as<float>();
      actions.insert(actions.end(), values.begin(), values.end());
    }
    return actions;
  };
  const auto commit = [&](const std::map<std::string, Tensor>& values) {
    Update update = model.BeginUpdate();
    for (const auto& [name, value] : values) update.Assign(name, value);
    const auto version = update.Commit();
    ASSERT_TRUE(version.ok()) << version.status().ToString();
  };
  const std::vector<float> before = run();
  double largest = 0;
  for (float action : before) largest = std::max(largest, std::abs(static_cast<double>(action)));
  for (const auto& [leaf, changes] : recorded["params"].items()) {
    const std::vector<std::string> names = Canonical(model.source(), leaf);
    ASSERT_FALSE(names.empty()) << leaf;
    std::map<std::string, Tensor> values;
    std::map<std::string, Tensor> negated;
    for (const std::string& name : names) {
      values[name] = *model.ReadWeight(name);
      negated[name] = Negated(values[name]);
    }
    commit(negated);
    const std::vector<float> after = run();
    commit(values);
    double change = 0;
    for (size_t i = 0; i < after.size(); ++i) {
      change = std::max(change, std::abs(static_cast<double>(after[i]) - before[i]) / largest);
    }
    const double expected = changes[0];
    EXPECT_NEAR(change, expected, 1e-4 + 2e-3 * expected) << leaf;
  }
  EXPECT_EQ(run(), before);
}

TEST_P(OpenPiWeights, AreTheSameBitsInBothLayouts) {
  for (const std::string precision : {"f32", "bf16"}) {
    const Model jax = Load("jax_" + precision);
    const Model torch = Load("torch_" + precision);
    ASSERT_EQ(jax.source().weights().size(), torch.source().weights().size());
    for (const formats::WeightInfo& weight : jax.source().weights()) {
      const auto a = jax.source().ReadWeight(weight.name);
      const auto b = torch.source().ReadWeight(weight.name);
      ASSERT_TRUE(a.ok() && b.ok()) << weight.name;
      EXPECT_TRUE(BitEqual(*a, *b)) << precision << " " << weight.name;
    }
  }
}

// A checkpoint of the other layout, its file alone, and one in another precision.
TEST_P(OpenPiWeights, ComeFromAnyCheckpointOfTheModel) {
  const Model torch = Load("torch_bf16");
  Model model = Load("jax_f32");
  auto runner = Runner::Open(*engine_, model);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();
  const std::string folder = kOpenPi + GetParam() + "/";
  for (const std::string path : {"torch_bf16", "torch_bf16/model.safetensors", "jax_bf16"}) {
    const auto reset = model.UpdateFrom(folder + "jax_train/1000");
    ASSERT_TRUE(reset.ok()) << reset.status().ToString();
    const auto version = model.UpdateFrom(folder + path);
    ASSERT_TRUE(version.ok()) << version.status().ToString();
    for (const formats::WeightInfo& weight : model.source().weights()) {
      const Tensor now = *model.ReadWeight(weight.name);
      const Tensor half = *torch.source().ReadWeight(weight.name);
      ASSERT_EQ(now.dtype(), DType::kF32);
      for (size_t i = 0; i < static_cast<size_t>(now.count()); ++i) {
        ASSERT_EQ(now.as<float>()[i], BFloat16ToFloat(half.as<uint16_t>()[i])) << weight.name;
      }
    }
  }
}

TEST_P(OpenPiWeights, OfAnotherModelAreRefused) {
  Model model = Load("jax_f32");
  const std::string other = GetParam() == "pi0_tiny" ? "pi05_tiny" : "pi0_tiny";
  const auto refused = model.UpdateFrom(kOpenPi + other + "/torch_f32");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("missing"));
  EXPECT_EQ(model.version(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Recorded, OpenPiWeights, ::testing::Values("pi0_tiny", "pi05_tiny"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace midstream::policy
