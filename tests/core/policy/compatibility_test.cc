// Verdicts on checkpoints: whole ones, ones with something missing, wrong or unknown, and openpi's
// own.
#include "core/policy/compatibility.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>

#include "core/models/openpi/weights.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/orbax_testing.h"
#include "tests/core/models/openpi/sizes_testing.h"

namespace midstream::policy {
namespace {

namespace fs = std::filesystem;
using formats::TempDir;
using formats::TensorInfo;
using openpi::Family;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kOpenPi = std::string(MS_SHARED_DATA) + "/openpi";

// Of actions large enough for some robots.
openpi::Sizes RobotSizes(Family family) {
  openpi::Sizes sizes = openpi::SmallSizes(family);
  sizes.action_dim = 8;
  return sizes;
}

std::vector<TensorInfo> ParametersOf(Family family) {
  std::vector<TensorInfo> tensors;
  std::set<std::string> seen;
  for (const openpi::CanonicalWeight& weight : openpi::CanonicalWeights(RobotSizes(family))) {
    if (!seen.insert(weight.stored.tensor).second) continue;
    tensors.push_back({weight.stored.tensor, DType::kF32, weight.stored.shape});
  }
  return tensors;
}

TensorInfo& Find(std::vector<TensorInfo>* tensors, const std::string& name) {
  for (TensorInfo& tensor : *tensors) {
    if (tensor.name == name) return tensor;
  }
  ADD_FAILURE() << name;
  return tensors->front();
}

// An Orbax checkpoint of zeros with statistics of `numbers` each.
void WriteCheckpoint(const std::string& folder, const std::vector<TensorInfo>& tensors,
                     size_t numbers = 8) {
  orbax::KeyValues values;
  std::vector<std::string> paths;
  for (const TensorInfo& tensor : tensors) {
    Tensor zeros = *Tensor::Allocate(tensor.dtype, tensor.shape);
    std::fill_n(static_cast<char*>(zeros.mutable_data()), zeros.byte_size(), '\0');
    std::string key = "params/" + tensor.name;
    paths.push_back(key);
    std::replace(key.begin(), key.end(), '/', '.');
    values.merge(orbax::ZarrArray(key, zeros, {tensor.shape.dims()}));
  }
  orbax::WriteOcdbt(folder + "/params", values);
  orbax::WriteFileBelow(folder, "params/_METADATA", orbax::TreeJson(paths));
  std::string list = "[0";
  for (size_t i = 1; i < numbers; ++i) list += ", 0";
  const std::string entry = "{\"mean\": " + list + "], \"std\": " + list + "], \"q01\": " + list +
                            "], \"q99\": " + list + "]}";
  orbax::WriteFileBelow(folder, "assets/my/robot/norm_stats.json",
                        "{\"norm_stats\": {\"state\": " + entry + ", \"actions\": " + entry + "}}");
}

Report ReportOn(const std::string& path, const CheckOptions& options = {}) {
  auto report = CheckCheckpoint(path, options);
  EXPECT_TRUE(report.ok()) << report.status().ToString();
  return report.ok() ? *std::move(report) : Report();
}

Report ReportOn(const std::vector<TensorInfo>& tensors, const CheckOptions& options = {}) {
  TempDir dir;
  WriteCheckpoint(dir.path(), tensors);
  return ReportOn(dir.path(), options);
}

TEST(Compatibility, ACompleteCheckpointRuns) {
  for (Family family : {Family::kPi0, Family::kPi05}) {
    const Report report = ReportOn(ParametersOf(family));
    EXPECT_EQ(report.verdict, Verdict::kRuns) << testing::PrintToString(report.obstacles);
    EXPECT_EQ(report.sizes->family, family);
    EXPECT_EQ(report.layout, "JAX, Orbax");
    EXPECT_EQ(report.matched, ParametersOf(family).size());
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_THAT(report.extra, IsEmpty());
    EXPECT_THAT(report.adaptations, IsEmpty());
    ASSERT_EQ(report.statistics.size(), 2u);
    EXPECT_EQ(report.statistics[0].key, "actions");
    EXPECT_EQ(report.statistics[0].numbers, 8u);
    EXPECT_TRUE(report.statistics[0].percentiles);
    EXPECT_THAT(report.statistics_path, HasSubstr("assets/my/robot/norm_stats.json"));
    EXPECT_THAT(report.to_be_told, Contains(HasSubstr("--horizon")));
  }
}

TEST(Compatibility, EveryMissingParameterIsInTheWay) {
  const std::vector<TensorInfo> whole = ParametersOf(Family::kPi05);
  for (const TensorInfo& gone : whole) {
    std::vector<TensorInfo> tensors = whole;
    std::erase_if(tensors, [&](const TensorInfo& tensor) { return tensor.name == gone.name; });
    const Report report = ReportOn(tensors);
    EXPECT_EQ(report.verdict, Verdict::kRetrain) << gone.name;
    EXPECT_THAT(report.obstacles, Contains(HasSubstr(gone.name))) << gone.name;
  }
}

TEST(Compatibility, ShapesAndDTypesAreCompared) {
  std::vector<TensorInfo> tensors = ParametersOf(Family::kPi0);
  Find(&tensors, "PaliGemma/llm/layers/mlp/linear").shape = Shape({2, 5, 7});
  Find(&tensors, "state_proj/bias").dtype = DType::kI32;
  const Report report = ReportOn(tensors);
  EXPECT_EQ(report.verdict, Verdict::kRetrain);
  ASSERT_EQ(report.problems.size(), 2u);
  EXPECT_EQ(report.problems[0].name, "PaliGemma/llm/layers/mlp/linear");
  EXPECT_EQ(report.problems[0].problem, "shape");
  EXPECT_EQ(report.problems[0].expected, "[2,9,7]");
  EXPECT_EQ(report.problems[0].got, "[2,5,7]");
  EXPECT_EQ(report.problems[1].name, "state_proj/bias");
  EXPECT_EQ(report.problems[1].problem, "dtype");
  EXPECT_EQ(report.matched, tensors.size() - 2);
}

TEST(Compatibility, UnknownParametersAreLeftOut) {
  std::vector<TensorInfo> tensors = ParametersOf(Family::kPi0);
  tensors.push_back({"my_head/kernel", DType::kI32, {3}});
  const Report report = ReportOn(tensors);
  EXPECT_EQ(report.verdict, Verdict::kRunsAdapted);
  EXPECT_THAT(report.extra, ElementsAre("my_head/kernel"));
  EXPECT_THAT(report.adaptations, ElementsAre(HasSubstr("'my_head/kernel' is left out")));
}

TEST(Compatibility, BFloat16IsAdapted) {
  std::vector<TensorInfo> tensors = ParametersOf(Family::kPi0);
  for (TensorInfo& tensor : tensors) tensor.dtype = DType::kBF16;
  const Report report = ReportOn(tensors);
  EXPECT_EQ(report.verdict, Verdict::kRunsAdapted);
  EXPECT_EQ(report.dtypes.at("bfloat16"), tensors.size());
  EXPECT_THAT(report.adaptations, ElementsAre(HasSubstr("are bfloat16")));
}

TEST(Compatibility, LoraFactorsAreMerged) {
  std::vector<TensorInfo> tensors = ParametersOf(Family::kPi0);
  const std::string name = "PaliGemma/llm/layers/attn/q_einsum/";
  tensors.push_back({name + "lora_a", DType::kF32, {2, 3, 7, 2}});
  tensors.push_back({name + "lora_b", DType::kF32, {2, 3, 2, 4}});
  Report report = ReportOn(tensors);
  EXPECT_EQ(report.verdict, Verdict::kRunsAdapted) << testing::PrintToString(report.obstacles);
  EXPECT_EQ(report.lora_factors, 2u);
  EXPECT_THAT(report.adaptations, ElementsAre(HasSubstr("2 LoRA factors are merged")));
  tensors.pop_back();
  report = ReportOn(tensors);
  EXPECT_EQ(report.verdict, Verdict::kRetrain);
  EXPECT_THAT(report.obstacles, ElementsAre(HasSubstr("q_einsum/lora_b': missing")));
}

TEST(Compatibility, AnotherFamilyNeedsRetraining) {
  CheckOptions options;
  options.as = Family::kPi0;
  const Report report = ReportOn(ParametersOf(Family::kPi05), options);
  EXPECT_EQ(report.verdict, Verdict::kRetrain);
  EXPECT_EQ(report.sizes->family, Family::kPi05);
  EXPECT_THAT(report.obstacles[0],
              HasSubstr("it is a pi05 (it has 'time_mlp_in/kernel'), not a pi0"));
  EXPECT_THAT(report.obstacles, Contains(HasSubstr("'state_proj/kernel' [8,6] is missing")));
  options.as = Family::kPi05;
  EXPECT_EQ(ReportOn(ParametersOf(Family::kPi05), options).verdict, Verdict::kRuns);
}

TEST(Compatibility, IsHeldToAPreset) {
  TempDir dir;
  WriteCheckpoint(dir.path(), ParametersOf(Family::kPi0));
  CheckOptions options;
  options.config.policy.preset = "pi0_libero";
  options.config.policy.asset_id = "my/robot";
  options.config.policy.tokenizer = "t.model";
  Report report = ReportOn(dir.path(), options);
  EXPECT_EQ(report.verdict, Verdict::kRunsAdapted) << testing::PrintToString(report.obstacles);
  EXPECT_THAT(report.to_be_told, IsEmpty());
  EXPECT_EQ(report.settings->horizon, 50);
  EXPECT_THAT(report.adaptations, ElementsAre("the first 7 of 8 statistics of 'actions' are used"));
  options.config.policy.asset_id = "other";
  report = ReportOn(dir.path(), options);
  EXPECT_THAT(report.to_be_told, Contains(HasSubstr("policy.asset_id = 'other'")));
  options.config.policy.preset = "pi05_libero";
  report = ReportOn(dir.path(), options);
  EXPECT_EQ(report.verdict, Verdict::kRetrain);
  EXPECT_THAT(report.obstacles, Contains(HasSubstr("is for pi05, the checkpoint is a pi0")));
  options.config.policy.preset = "pi0_aloha_sim";  // 14 numbers where the checkpoint has 8
  report = ReportOn(dir.path(), options);
  EXPECT_EQ(report.verdict, Verdict::kRetrain);
  EXPECT_THAT(report.obstacles,
              ElementsAre("the robot takes actions of 14 numbers, those of the model have 8"));
}

// What `midstream policy` refuses, with what says so here.
struct Unfit {
  const char* name;
  const char* state;    // statistics
  const char* actions;  // statistics
  const char* settings;
  Verdict verdict;
  const char* said;
};

constexpr const char* kThree = R"({"mean": [0, 0, 0], "std": [1, 1, 1]})";

class UnfitStatistics : public testing::TestWithParam<Unfit> {};

TEST_P(UnfitStatistics, AreToldAsWhenItIsRun) {
  const Unfit& unfit = GetParam();
  TempDir dir;
  WriteCheckpoint(dir.path(), ParametersOf(Family::kPi0));
  orbax::WriteFileBelow(dir.path(), "assets/my/robot/norm_stats.json",
                        std::string("{\"norm_stats\": {\"state\": ") + unfit.state +
                            ", \"actions\": " + unfit.actions + "}}");
  CheckOptions options;
  options.config = *config::ParseConfig(unfit.settings, "c.toml");
  const Report report = ReportOn(dir.path(), options);
  EXPECT_EQ(report.verdict, unfit.verdict);
  const std::vector<std::string>& where =
      report.verdict == Verdict::kRuns ? report.to_be_told : report.obstacles;
  EXPECT_THAT(where, Contains(HasSubstr(unfit.said)));
}

INSTANTIATE_TEST_SUITE_P(
    All, UnfitStatistics,
    testing::Values(
        Unfit{"Short", R"({"mean": [0, 0, 0], "std": [1, 1]})", kThree, "", Verdict::kDamaged,
              "norm_stats.json: 'state': 'mean' has 3 numbers and 'std' has 2"},
        Unfit{"NotANumber", R"({"mean": [0, NaN, 0], "std": [1, 1, 1]})", kThree, "",
              Verdict::kDamaged, "'state': 'mean': number 1 is nan"},
        Unfit{"Empty", kThree, R"({"mean": [], "std": []})", "", Verdict::kDamaged,
              "'actions': 'mean' has 0 numbers"},
        Unfit{"Malformed", "7", kThree, "", Verdict::kDamaged, "'norm_stats.state' is no object"},
        Unfit{"LongState", R"({"mean": [0,0,0,0,0,0,0,0,0], "std": [1,1,1,1,1,1,1,1,1]})", kThree,
              "", Verdict::kRetrain, "norm_stats has 9 numbers for 'state', the model takes 8"},
        Unfit{"LongActions", kThree, R"({"mean": [0,0,0,0,0,0,0,0,0], "std": [1,1,1,1,1,1,1,1,1]})",
              "", Verdict::kRetrain, "norm_stats has 9 numbers for 'actions'"},
        Unfit{"OtherRobot", kThree, kThree, "policy.robot = \"droid\"", Verdict::kRetrain,
              "state has 8 numbers, norm_stats expects 3"},
        Unfit{"LongDeltaMask", kThree, kThree, "policy.delta_mask = [9]", Verdict::kRetrain,
              "policy.delta_mask is for 9 numbers of an action"},
        Unfit{"NoPercentiles", kThree, kThree, "policy.normalization = \"quantile\"",
              Verdict::kRuns, "'state': has no percentiles"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Compatibility, PathsOfAConfigurationAreSeenFromIt) {
  TempDir dir;
  WriteCheckpoint(dir.path() + "/checkpoint", ParametersOf(Family::kPi0));
  fs::rename(dir.Path("checkpoint/assets/my/robot/norm_stats.json"), dir.Path("n.json"));
  orbax::WriteFileBelow(dir.path(), "c.toml", "policy.norm_stats = \"n.json\"\n");
  CheckOptions options;
  options.config = *config::LoadConfig(dir.Path("c.toml"));
  const Report report = ReportOn(dir.path() + "/checkpoint", options);
  EXPECT_EQ(report.statistics_path, dir.Path("n.json"));
  EXPECT_EQ(report.statistics.size(), 2u);
}

TEST(Compatibility, DamageIsTold) {
  TempDir dir;
  WriteCheckpoint(dir.path(), ParametersOf(Family::kPi0));
  const std::string values = dir.Path("params/ocdbt.process_0/d/values");
  fs::resize_file(values, fs::file_size(values) - 1);
  const Report report = ReportOn(dir.path());
  EXPECT_EQ(report.verdict, Verdict::kDamaged);
  EXPECT_THAT(report.obstacles, ElementsAre(HasSubstr("the copy of the checkpoint is incomplete")));
  EXPECT_EQ(CheckCheckpoint(dir.Path("assets"), {}).status().code(), Code::kNotFound);
}

TEST(Compatibility, StatisticsMayBeMissing) {
  TempDir dir;
  WriteCheckpoint(dir.path(), ParametersOf(Family::kPi0));
  fs::remove_all(dir.Path("assets"));
  const Report report = ReportOn(dir.path());
  EXPECT_EQ(report.verdict, Verdict::kRuns);
  EXPECT_THAT(report.to_be_told, Contains(HasSubstr("norm_stats")));
}

struct OpenPiCase {
  const char* path;
  Family family;
  Verdict verdict;
};

// What has to be told is not in the way.
TEST(Compatibility, HeadsOfAPyTorchCheckpointHaveToBeTold) {
  if (!fs::exists(kOpenPi)) GTEST_SKIP() << kOpenPi << " is not there";
  const Report report = ReportOn(kOpenPi + "/pi0_tiny/torch_f32");
  EXPECT_EQ(report.verdict, Verdict::kRunsAdapted);
  EXPECT_THAT(report.to_be_told, Contains(HasSubstr("policy.vision_heads")));
}

class CompatibilityOfOpenPis : public testing::TestWithParam<OpenPiCase> {};

TEST_P(CompatibilityOfOpenPis, Checkpoints) {
  if (!fs::exists(kOpenPi)) GTEST_SKIP() << kOpenPi << " is not there";
  const OpenPiCase& param = GetParam();
  CheckOptions options;
  options.config.policy.vision_heads = 4;  // of PyTorch checkpoints that are no So400m
  const Report report = ReportOn(kOpenPi + "/" + param.path, options);
  EXPECT_EQ(report.verdict, param.verdict)
      << testing::PrintToString(report.obstacles) << testing::PrintToString(report.adaptations);
  ASSERT_TRUE(report.sizes.has_value());
  EXPECT_EQ(report.sizes->family, param.family);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.extra, IsEmpty());
  EXPECT_EQ(report.statistics.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(
    All, CompatibilityOfOpenPis,
    testing::Values(OpenPiCase{"pi0_tiny/jax_f32", Family::kPi0, Verdict::kRuns},
                    OpenPiCase{"pi0_tiny/jax_bf16", Family::kPi0, Verdict::kRunsAdapted},
                    OpenPiCase{"pi0_tiny/jax_train/1000", Family::kPi0, Verdict::kRuns},
                    OpenPiCase{"pi0_tiny/torch_f32", Family::kPi0, Verdict::kRunsAdapted},
                    OpenPiCase{"pi0_tiny/torch_bf16", Family::kPi0, Verdict::kRunsAdapted},
                    OpenPiCase{"pi0_tiny/torch_f32_upstream", Family::kPi0, Verdict::kRunsAdapted},
                    OpenPiCase{"pi05_tiny/jax_f32", Family::kPi05, Verdict::kRuns},
                    OpenPiCase{"pi05_tiny/jax_bf16", Family::kPi05, Verdict::kRunsAdapted},
                    OpenPiCase{"pi05_tiny/jax_train/1000", Family::kPi05, Verdict::kRuns},
                    OpenPiCase{"pi05_tiny/torch_f32", Family::kPi05, Verdict::kRunsAdapted},
                    OpenPiCase{"pi05_tiny/torch_bf16", Family::kPi05, Verdict::kRunsAdapted},
                    OpenPiCase{"fast_tiny/jax_f32", Family::kPi0Fast, Verdict::kRuns}),
    [](const auto& info) {
      std::string name = info.param.path;
      std::replace(name.begin(), name.end(), '/', '_');
      return name;
    });

}  // namespace
}  // namespace midstream::policy
