// midstream policy: whole policies as openpi recorded them, taps in a file, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"
#include "tests/e2e/command_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string OpenPi(const std::string& name) {
  return std::string(MS_SHARED_DATA) + "/openpi/" + name;
}

std::vector<double> Numbers(const Tensor& tensor) {
  if (tensor.dtype() == DType::kF64) {
    return {tensor.as<double>().begin(), tensor.as<double>().end()};
  }
  EXPECT_EQ(tensor.dtype(), DType::kF32);
  return {tensor.as<float>().begin(), tensor.as<float>().end()};
}

// The largest error as a part of the largest value that is wanted.
double WorstError(const Tensor& got, const Tensor& want) {
  EXPECT_EQ(got.shape(), want.shape());
  const std::vector<double> a = Numbers(got);
  const std::vector<double> b = Numbers(want);
  double error = 0;
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    error = std::max(error, std::isfinite(a[i]) ? std::abs(a[i] - b[i]) : INFINITY);
    largest = std::max(largest, std::abs(b[i]));
  }
  return error / largest;
}

// Sample 0 of a batch, without its axis.
Tensor FirstOf(const Tensor& batch) {
  const std::vector<int64_t> dims(batch.shape().dims().begin() + 1, batch.shape().dims().end());
  const size_t bytes = batch.byte_size() / static_cast<size_t>(batch.shape()[0]);
  return *Tensor::Copy(batch.dtype(), Shape(dims), batch.bytes().first(bytes));
}

class PolicyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(OpenPi("README.md"))) {
      GTEST_SKIP() << "the recordings of openpi are not there";
    }
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  // What starts with `prefix` in an archive, under the rest of its name.
  std::string Extract(const std::string& archive, const std::string& prefix,
                      const std::string& name) const {
    const formats::NamedTensors all = *formats::ReadNpz(archive);
    formats::NamedTensors arrays;
    for (const auto& [key, array] : all) {
      if (key.starts_with(prefix)) arrays.emplace_back(key.substr(prefix.size()), array);
    }
    EXPECT_TRUE(formats::WriteNpz(Path(name), arrays).ok());
    return Path(name);
  }

  std::string WriteNoise(const Tensor& noise) const {
    EXPECT_TRUE(formats::WriteNpy(Path("noise.npy"), noise).ok());
    return Path("noise.npy");
  }

  // The inputs of sample 0 of a model's recording.
  std::string ModelInputs(const std::string& model) const {
    const formats::NamedTensors all = *formats::ReadNpz(OpenPi(model + "/golden.npz"));
    formats::NamedTensors arrays;
    for (const auto& [key, array] : all) {
      if (!key.starts_with("in.") || key == "in.noise") continue;
      arrays.emplace_back(key.substr(3), FirstOf(array));
    }
    EXPECT_TRUE(formats::WriteNpz(Path("inputs.npz"), arrays).ok());
    return Path("inputs.npz");
  }

  Tensor Golden(const std::string& model, const std::string& key) const {
    return *formats::ReadNpzMember(OpenPi(model + "/golden.npz"), key);
  }

  // Statistics of so many numbers.
  std::string Stats(size_t actions, size_t state) const {
    const auto entry = [](size_t numbers) {
      nlohmann::json json;
      for (const char* key : {"mean", "q01"}) json[key] = std::vector<double>(numbers, 0);
      for (const char* key : {"std", "q99"}) json[key] = std::vector<double>(numbers, 1);
      return json;
    };
    std::ofstream(Path("norm_stats.json"))
        << nlohmann::json{{"norm_stats", {{"state", entry(state)}, {"actions", entry(actions)}}}};
    return Path("norm_stats.json");
  }

  CommandResult Run(const std::string& checkpoint, std::vector<std::string> args) const {
    args.insert(args.begin(), {"policy", OpenPi(checkpoint)});
    return RunCommand(args);
  }

  TemporaryFolder folder_;
};

struct Recorded {
  const char* model;
  const char* preset;
  const char* max_token_len;
};

// As the policy restores them, bfloat16 is what the recording was computed in.
TEST_F(PolicyTest, AnswersRobotsAsOpenPiDoes) {
  for (const Recorded& policy :
       {Recorded{"pi0_tiny", "pi0_libero", "16"}, Recorded{"pi05_tiny", "pi05_droid", "64"}}) {
    const std::string model = policy.model;
    const std::string recording = OpenPi(model + "/policy.npz");
    std::ifstream about(OpenPi(model + "/policy.json"));
    const auto cases = nlohmann::json::parse(about)["cases"];
    ASSERT_EQ(cases.size(), 3u);
    for (size_t i = 0; i < cases.size(); ++i) {
      const std::string number = std::to_string(i);
      const std::string observation = Extract(recording, number + ".obs.", "obs.npz");
      const std::string noise = WriteNoise(*formats::ReadNpzMember(recording, number + ".noise"));
      for (const char* precision : {"f32", "bf16"}) {
        for (const char* kind : {"jax_f32", "torch_bf16"}) {
          SCOPED_TRACE(model + " " + number + " " + kind + " " + precision);
          const CommandResult result =
              Run(model + "/" + kind,
                  {"--preset",      policy.preset,
                   "--horizon",     "10",
                   "--set",         std::string("policy.max_token_len=") + policy.max_token_len,
                   "--set",         "policy.vision_heads=4",
                   "--tokenizer",   OpenPi("tokenizer/tiny.model"),
                   "--prompt",      cases[i]["prompt"],
                   "--observation", observation,
                   "--noise",       noise,
                   "--precision",   precision,
                   "--save",        Path("reply.npz"),
                   "--json"});
          ASSERT_EQ(result.exit, 0) << result.err;
          EXPECT_EQ(result.json()["images"], 2);
          const Tensor actions = *formats::ReadNpzMember(Path("reply.npz"), "actions");
          EXPECT_EQ(actions.dtype(), DType::kF64);
          const Tensor want = *formats::ReadNpzMember(recording, number + "." + kind + ".actions");
          EXPECT_LT(WorstError(actions, want), 0.02);
        }
      }
    }
  }
}

TEST_F(PolicyTest, SavesTheTapsAskedFor) {
  const std::string model = "pi0_tiny";
  const std::string noise = WriteNoise(FirstOf(Golden(model, "in.noise")));
  const CommandResult result =
      Run(model + "/jax_f32",
          {"--observation", ModelInputs(model), "--noise", noise, "--horizon", "10", "--steps", "5",
           "--tap", "siglip.base.encoded", "--tap", "suffix.t1.0.v_t", "--save", Path("stages.npz"),
           "--backend", "reference"});
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("siglip.base.encoded  float32"));
  EXPECT_THAT(result.out, HasSubstr("5 steps"));
  EXPECT_THAT(result.out, HasSubstr("prefix"));
  const auto saved = formats::ReadNpz(Path("stages.npz"));
  ASSERT_TRUE(saved.ok()) << saved.status().message();
  ASSERT_EQ(saved->size(), 3u);
  for (const auto& [name, value] : *saved) {
    const bool actions = name == "actions";
    const Tensor want = FirstOf(Golden(model, "jax_f32." + (actions ? "actions.steps5" : name)));
    const Tensor got = actions ? value : FirstOf(value);
    EXPECT_LT(WorstError(got, want), 1e-4) << name;
  }
}

TEST_F(PolicyTest, SavesAllTaps) {
  const std::string model = "pi05_tiny";
  const CommandResult result =
      Run(model + "/jax_f32", {"--observation", ModelInputs(model), "--seed", "3", "--horizon",
                               "10", "--tap", "all", "--save", Path("stages.npz"), "--json"});
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto saved = *formats::ReadNpz(Path("stages.npz"));
  for (const char* name :
       {"actions", "siglip.base.encoded", "siglip.base.block00.out", "prefix.k", "prefix.out",
        "suffix.t1.0.adarms_cond", "suffix.t0.5.v_t", "trajectory.x"}) {
    EXPECT_TRUE(std::any_of(saved.begin(), saved.end(), [&](const auto& array) {
      return array.first == name;
    })) << name;
  }
  EXPECT_EQ(result.json()["taps"].size() + 1, saved.size());
}

TEST_F(PolicyTest, StartsFromTheSeed) {
  const std::string inputs = ModelInputs("pi0_tiny");
  std::vector<Tensor> actions;
  for (const char* seed : {"1", "1", "2"}) {
    const CommandResult result =
        Run("pi0_tiny/jax_f32", {"--observation", inputs, "--seed", seed, "--horizon", "7",
                                 "--steps", "1", "--save", Path("reply.npz")});
    ASSERT_EQ(result.exit, 0) << result.err;
    actions.push_back(*formats::ReadNpzMember(Path("reply.npz"), "actions"));
  }
  EXPECT_EQ(actions[0].shape(), Shape({7, 8}));
  EXPECT_TRUE(BitEqual(actions[0], actions[1]));
  EXPECT_FALSE(BitEqual(actions[0], actions[2]));
}

// A model whose tokens stand for no actions must not move a robot.
TEST_F(PolicyTest, ReadsFastTokensWithTheirTokenizer) {
  const std::string observation = Extract(OpenPi("pi0_tiny/policy.npz"), "0.obs.", "obs.npz");
  const std::vector<std::string> args = {"--preset",      "pi0_fast_libero",
                                         "--observation", observation,
                                         "--prompt",      "go",
                                         "--tokenizer",   OpenPi("tokenizer/tiny.model"),
                                         "--set",         "policy.asset_id=",
                                         "--set",         "policy.norm_stats=" + Stats(7, 8)};
  CommandResult result = Run("fast_tiny/jax_f32", args);
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("tokens  int32"));
  EXPECT_THAT(result.out, HasSubstr("give --fast-tokenizer"));
  std::vector<std::string> with = args;
  with.insert(with.end(), {"--fast-tokenizer", MS_TEST_DATA "/openpi/fast"});
  result = Run("fast_tiny/jax_f32", with);
  EXPECT_EQ(result.exit, 3);
  EXPECT_THAT(result.err, HasSubstr("holds no actions: expected \"Action: \""));
  EXPECT_EQ(result.out, "");
  with.back() = folder_.path();
  EXPECT_THAT(Run("fast_tiny/jax_f32", with).err, HasSubstr("tokenizer.json"));
}

// What is wrong is said before a checkpoint is loaded, by one message.
TEST_F(PolicyTest, RefusesWhatItCannotRun) {
  const std::string robot = Extract(OpenPi("pi0_tiny/policy.npz"), "0.obs.", "obs.npz");
  const std::string inputs = ModelInputs("pi0_tiny");
  const std::string tokenizer = OpenPi("tokenizer/tiny.model");
  const std::string noise = WriteNoise(*Tensor::Allocate(DType::kF32, {10, 7}));
  const std::vector<std::string> all = {"--preset",    "pi0_libero", "--observation", robot,
                                        "--tokenizer", tokenizer,    "--horizon",     "10"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), all.begin(), all.end());
    return more;
  };
  const struct {
    const char* checkpoint;
    std::vector<std::string> args;
    int exit;
    const char* message;
  } cases[] = {
      {"pi0_tiny/jax_f32", {}, 2, "--observation"},
      {"pi0_tiny/jax_f32", {"--observation", inputs}, 4, "--horizon"},
      {"pi0_tiny/jax_f32", {"--observation", robot, "--horizon", "10"}, 4, "--robot"},
      {"pi0_tiny/jax_f32",
       {"--observation", robot, "--horizon", "10", "--robot", "libero"},
       4,
       "policy.max_token_len"},
      {"pi0_tiny/jax_f32",
       {"--observation", robot, "--preset", "pi0_libero"},
       4,
       "paligemma_tokenizer.model"},
      {"pi0_tiny/jax_f32", with({"--preset", "pi0_libro"}), 2, "--preset"},
      {"pi0_tiny/jax_f32", {"--observation", robot, "--preset", "pi0_libro"}, 4, "pi0_libero"},
      {"pi0_tiny/jax_f32", {"--observation", robot, "--preset", "pi05_droid"}, 4, "pi05"},
      {"pi0_tiny/jax_f32", with({"--robot", "libro"}), 2, "--robot"},
      {"pi0_tiny/jax_f32", with({}), 3, "--prompt"},
      {"pi0_tiny/jax_f32", with({"--prompt", "go", "--noise", noise}), 3,
       "expected float32 [10,8]"},
      {"pi0_tiny/jax_f32", with({"--prompt", "go", "--noise", noise, "--seed", "1"}), 2, "--seed"},
      {"pi0_tiny/jax_f32", with({"--prompt", "go", "--seed", "-1"}), 2, "whole number from 0"},
      {"pi0_tiny/jax_f32", with({"--prompt", "go", "--tap", "siglip.nothing"}), 3,
       "siglip.nothing"},
      {"pi0_tiny/jax_f32", with({"--prompt", "go", "--robot", "droid"}), 3,
       "observation/joint_position"},
      {"pi0_tiny/jax_f32", with({"--prompt", "go", "--set", "policy.asset_id=droid"}), 3,
       "physical-intelligence/libero"},
      {"pi0_tiny", with({"--prompt", "go"}), 3, "pi0_tiny"},
      {"nowhere", with({"--prompt", "go"}), 3, "nowhere"},
  };
  for (const auto& bad : cases) {
    const CommandResult result = Run(bad.checkpoint, bad.args);
    EXPECT_EQ(result.exit, bad.exit) << bad.message << ": " << result.err;
    EXPECT_THAT(result.err, StartsWith("midstream: "));
    EXPECT_THAT(result.err, HasSubstr(bad.message));
    EXPECT_EQ(result.out, "");
  }
}

}  // namespace
}  // namespace midstream::e2e
