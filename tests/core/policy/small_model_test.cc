// The runner on a small pi0 made here: what it leaves out, what it loops over, and what it refuses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <set>

#include "core/formats/safetensors/writer.h"
#include "core/models/openpi/weights.h"
#include "core/policy/entry.h"
#include "core/policy/runner.h"
#include "tests/core/models/openpi/sizes_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::policy {
namespace {

using ::testing::HasSubstr;

Tensor Random(const Shape& shape, std::mt19937& random) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  std::normal_distribution<float> normal(0, 0.3f);
  for (float& value : tensor.mutable_as<float>()) value = normal(random);
  return tensor;
}

class SmallModel : public ::testing::TestWithParam<openpi::Family> {
 protected:
  void SetUp() override {
    std::mt19937 random(7);
    std::vector<formats::TensorInfo> infos;
    std::vector<Tensor> values;
    std::set<std::string> known;
    for (const openpi::CanonicalWeight& weight :
         openpi::CanonicalWeights(openpi::SmallSizes(GetParam()))) {
      if (!known.insert(weight.stored.tensor).second) continue;
      infos.push_back({weight.stored.tensor, DType::kF32, weight.stored.shape});
      values.push_back(Random(weight.stored.shape, random));
    }
    const std::string path = folder_.path() + "/model.safetensors";
    const auto read = [&](size_t i) -> Result<Tensor> { return values[i]; };
    ASSERT_TRUE(safetensors::Write(path, infos, read).ok());
    engine_ = *Engine::Open("", {"plugins.dir=" MS_PLUGIN_DIR, "backend=cpu_blas"});
    auto model = engine_->Load(folder_.path());
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    model_ = *model;
    auto runner = Runner::Open(*engine_, *model_);
    ASSERT_TRUE(runner.ok()) << runner.status().ToString();
    runner_ = *runner;
    for (const char* camera : {"base", "wrist"}) {
      inputs_.images.push_back({camera, Random({10, 10, 3}, random)});
    }
    inputs_.state = Random({2}, random);
    inputs_.tokens = {2, 5, 7, 0};
    inputs_.token_mask = {true, true, true, false};
    noise_ = Random({3, 2}, random);
  }

  RunnerResult Run(const RunOptions& options = {.steps = 2, .max_new_tokens = 3}) {
    auto result = runner_->Run(inputs_, noise_, options);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? *result : RunnerResult{};
  }

  std::string Refusal(const RunOptions& options = {.steps = 2, .max_new_tokens = 3}) {
    const auto result = runner_->Run(inputs_, noise_, options);
    EXPECT_FALSE(result.ok());
    return std::string(result.status().message());
  }

  static std::vector<float> Values(const RunnerResult& result) {
    const auto values = result.actions.as<float>();
    return {values.begin(), values.end()};
  }

  TemporaryFolder folder_;
  std::optional<Engine> engine_;
  std::optional<Model> model_;
  std::optional<Runner> runner_;
  ModelInputs inputs_;
  Tensor noise_;
};

class SmallFlow : public SmallModel {};

TEST_P(SmallFlow, MaskedImagesAndPaddingDoNotMatter) {
  inputs_.images[1].valid = false;
  const std::vector<float> before = Values(Run());
  std::mt19937 random(8);
  inputs_.images[1].image = Random({10, 10, 3}, random);
  inputs_.tokens[3] = 9;
  EXPECT_EQ(Values(Run()), before);
  inputs_.images[1].image = {};
  EXPECT_EQ(Values(Run()), before);
  inputs_.tokens.pop_back();
  inputs_.token_mask.pop_back();
  EXPECT_EQ(Values(Run()), before);
  inputs_.tokens[2] = 9;
  EXPECT_NE(Values(Run()), before);
}

TEST_P(SmallFlow, OneStepFollowsTheVelocityAtTheNoise) {
  const RunnerResult result = Run({.steps = 1, .taps = {"suffix.t1.0.v_t", "trajectory.x"}});
  const auto velocity = result.taps.at("suffix.t1.0.v_t").as<float>();
  for (size_t i = 0; i < velocity.size(); ++i) {
    EXPECT_EQ(result.actions.as<float>()[i], noise_.as<float>()[i] - velocity[i]);
  }
  EXPECT_EQ(result.taps.at("trajectory.x").shape(), (Shape{2, 1, 3, 2}));
}

TEST_P(SmallFlow, TapsChangeNoResultAndHaveAllRows) {
  inputs_.images[0].valid = false;
  const std::vector<float> before = Values(Run());
  const RunnerResult result = Run({.steps = 2, .taps = {"all"}});
  EXPECT_EQ(Values(result), before);
  EXPECT_EQ(result.taps.size(), runner_->TapNames(inputs_).size());
  const Tensor& k = result.taps.at("prefix.k");
  ASSERT_EQ(k.shape(), (Shape{2, 1, 12, 1, 4}));
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(k.as<float>()[i], 0) << "a row of the masked image";
  EXPECT_NE(k.as<float>()[16], 0);
}

TEST_P(SmallFlow, AnUpdateChangesAllStagesAtOnce) {
  const RunnerResult before = Run();
  Update update = model_->BeginUpdate();
  const Tensor bias = *model_->ReadWeight("PaliGemma/img/head/bias");
  Tensor other = *Tensor::Copy(bias.dtype(), bias.shape(), bias.bytes());
  other.mutable_as<float>()[0] += 1;
  update.Assign("PaliGemma/img/head/bias", other);
  ASSERT_TRUE(update.Commit().ok());
  const RunnerResult after = Run();
  EXPECT_EQ(before.version, 1u);
  EXPECT_EQ(after.version, 2u);
  EXPECT_NE(Values(after), Values(before));
}

TEST_P(SmallFlow, TellsTheTimeOfEachStage) {
  const RunnerResult result = Run({.steps = 4});
  std::vector<std::string> names;
  for (const StageTime& stage : result.stages) names.push_back(stage.stage);
  EXPECT_THAT(names, ::testing::ElementsAre("vision", "prefix", "time", "step"));
  EXPECT_EQ(result.stages.back().runs, 4);
}

TEST_P(SmallFlow, RefusesWhatDoesNotFit) {
  EXPECT_THAT(Refusal({.steps = 0}), HasSubstr("1 to 1000 steps, got 0"));
  EXPECT_THAT(Refusal({.steps = 1, .taps = {"suffix.tx.v_t"}}), HasSubstr("'suffix.tx.v_t'"));
  EXPECT_THAT(Refusal({.steps = 1, .taps = {"prefix.w"}}), HasSubstr("prefix.emb"));
  EXPECT_THAT(Refusal({.steps = 1'001}), HasSubstr("1 to 1000 steps, got 1001"));
  for (const int32_t token : {11, -1}) {
    inputs_.tokens[1] = token;
    EXPECT_THAT(Refusal(), HasSubstr("token 1 is " + std::to_string(token) + ", expected 0 to 10"));
  }
  inputs_.tokens[1] = 1;
  inputs_.tokens[3] = 11;  // pads
  Run();
  inputs_.images[0].image = *Tensor::Allocate(DType::kU8, {5, 10, 3});
  EXPECT_THAT(Refusal(),
              HasSubstr("image 'base': expected uint8 or float32[10,10,3], got uint8[5,10,3]"));
  inputs_.images[0].valid = false;
  inputs_.images[1].valid = false;
  EXPECT_THAT(Refusal(), HasSubstr("at least one image"));
  inputs_.images[1].valid = true;
  noise_ = *Tensor::Allocate(DType::kF32, {3, 3});
  EXPECT_THAT(Refusal(), HasSubstr("noise: expected float32[?,2], got float32[3,3]"));
  noise_ = *Tensor::Allocate(DType::kF32, {3, 2});
  std::fill_n(noise_.mutable_as<float>().begin(), 6, std::nanf(""));
  EXPECT_THAT(Refusal(), HasSubstr("noise: expected finite numbers"));
}

// A robot must not be sent what is no number.
TEST_P(SmallFlow, RefusesActionsThatAreNotFinite) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"action_out_proj/bias", "step 1 of 2 of stage 'step' gave numbers that are not finite"},
      {"PaliGemma/llm/embedder/input_embedding", "stage 'prefix' gave numbers"},
      {"PaliGemma/img/head/bias", "stage 'vision' gave numbers"}};
  for (const auto& [weight, told] : cases) {
    const Tensor value = *model_->ReadWeight(weight);
    for (const float bad : {HUGE_VALF, std::nanf("")}) {
      Tensor filled = *Tensor::Allocate(DType::kF32, value.shape());
      std::fill_n(filled.mutable_as<float>().begin(), filled.count(), bad);
      Update update = model_->BeginUpdate();
      update.Assign(weight, filled);
      ASSERT_TRUE(update.Commit().ok());
      EXPECT_THAT(Refusal(), HasSubstr(told)) << weight << " " << bad;
    }
    Update update = model_->BeginUpdate();
    update.Assign(weight, value);
    ASSERT_TRUE(update.Commit().ok());
  }
  Run();
}

// A stage makes what the call asks for, and none of the taps of earlier ones.
TEST_P(SmallFlow, AStageMakesWhatIsAskedFor) {
  Entry entry("vision", {"images"}, {"siglip.tokens"});
  std::mt19937 random(9);
  const std::vector<NamedTensor> images = {{"images", Random({1, 10, 10, 3}, random)}};
  const auto made = [&](const std::vector<std::string>& taps) {
    EXPECT_TRUE(entry.Prepare(*model_, taps).ok());
    std::vector<std::string> names;
    const Tensors values = *entry.Run(images, model_->Pin());
    for (const auto& [name, value] : values) names.push_back(name);
    return names;
  };
  const std::string tap = "siglip.encoded";
  EXPECT_THAT(made({}), ::testing::ElementsAre("siglip.tokens"));
  EXPECT_THAT(made({tap, tap}), ::testing::ElementsAre(tap, "siglip.tokens"));
  EXPECT_THAT(made({"siglip.with_posemb"}),
              ::testing::ElementsAre("siglip.tokens", "siglip.with_posemb"));
  EXPECT_THAT(made({}), ::testing::ElementsAre("siglip.tokens"));
  EXPECT_EQ(entry.Prepare(*model_, {"nothing"}).code(), Code::kNotFound);
  EXPECT_THAT(made({}), ::testing::ElementsAre("siglip.tokens"));
}

INSTANTIATE_TEST_SUITE_P(Families, SmallFlow,
                         ::testing::Values(openpi::Family::kPi0, openpi::Family::kPi05),
                         [](const auto& info) {
                           return std::string(openpi::FamilyName(info.param));
                         });

class SmallFast : public SmallModel {};

// Tokens come from the last logits, one after the other.
TEST_P(SmallFast, DecodesGreedily) {
  const RunnerResult result = Run({.max_new_tokens = 3, .taps = {"all"}});
  ASSERT_LE(result.tokens.size(), 3u);
  const auto prefill = result.taps.at("prefill.logits").as<float>();
  const auto best = std::max_element(prefill.begin(), prefill.end()) - prefill.begin();
  EXPECT_EQ(result.tokens[0], best);
  EXPECT_EQ(Run().tokens, result.tokens);
  EXPECT_TRUE(result.actions.empty());
}

TEST_P(SmallFast, RefusesLogitsThatAreNotFinite) {
  const Tensor value = *model_->ReadWeight("PaliGemma/llm/final_norm/scale");
  Tensor filled = *Tensor::Allocate(DType::kF32, value.shape());
  std::fill_n(filled.mutable_as<float>().begin(), filled.count(), std::nanf(""));
  Update update = model_->BeginUpdate();
  update.Assign("PaliGemma/llm/final_norm/scale", filled);
  ASSERT_TRUE(update.Commit().ok());
  EXPECT_THAT(Refusal(), HasSubstr("stage 'prefix' gave numbers that are not finite"));
  EXPECT_THAT(Refusal({.max_new_tokens = 5'000}), HasSubstr("1 to 4096 new tokens"));
}

INSTANTIATE_TEST_SUITE_P(Families, SmallFast, ::testing::Values(openpi::Family::kPi0Fast),
                         [](const auto& info) {
                           return std::string(openpi::FamilyName(info.param));
                         });

}  // namespace
}  // namespace midstream::policy
