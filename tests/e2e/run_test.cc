// midstream run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"
#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("midstream_run_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    const Tensor all = *formats::ReadNpy(Digits("eval_images.npy"));
    images_ = (folder_ / "images.npy").string();
    const Tensor first = *Tensor::Copy(DType::kF32, {64, 784}, all.bytes().first(64 * 784 * 4));
    ASSERT_TRUE(formats::WriteNpy(images_, first).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  CommandResult Run(const std::string& model, std::vector<std::string> args) const {
    args.insert(args.begin(), {"run", model});
    return RunCommand(args);
  }

  std::filesystem::path folder_;
  std::string images_;  // the first 64 of the evaluation images
};

void ExpectClose(const Tensor& got, const Tensor& want) {
  ASSERT_EQ(got.shape(), want.shape());
  for (int64_t i = 0; i < got.count(); ++i) {
    ASSERT_NEAR(got.as<float>()[i], want.as<float>()[i],
                1e-5 + 1e-4 * std::abs(want.as<float>()[i]));
  }
}

TEST_F(RunTest, SavesTheOutputsUnderTheNamesAskedFor) {
  const std::string saved = (folder_ / "out.npz").string();
  for (const char* backend : {"reference", "cpu_blas"}) {
    const CommandResult result =
        Run(DigitsCheckpoint(4000),
            {"--input", "Placeholder:0=" + images_, "--output", "accuracy/ArgMax", "--output",
             "fc2/add:0", "--backend", backend, "--save", saved});
    ASSERT_EQ(result.exit, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("accuracy/ArgMax  int64 [64]"));
    const auto logits = formats::ReadNpzMember(saved, "fc2/add:0");
    ASSERT_TRUE(logits.ok()) << logits.status().message();
    ExpectClose(*logits, *formats::ReadNpzMember(Digits("expected_4000.npz"), "fc2/add:0"));
    const auto classes = formats::ReadNpzMember(saved, "accuracy/ArgMax");
    ASSERT_TRUE(classes.ok()) << classes.status().message();
    EXPECT_TRUE(BitEqual(
        *classes, *formats::ReadNpzMember(Digits("expected_4000.npz"), "accuracy/ArgMax:0")));
  }
}

TEST_F(RunTest, TakesFurtherWeightsAsLiveUpdates) {
  const std::string cold = (folder_ / "cold.npz").string();
  const std::string live = (folder_ / "live.npz").string();
  const std::vector<std::string> common = {"--input", "Placeholder=" + images_, "--output",
                                           "fc2/add"};
  auto args = common;
  args.insert(args.end(), {"--save", cold});
  ASSERT_EQ(Run(DigitsCheckpoint(4000), args).exit, 0);
  args = common;
  args.insert(args.end(), {"--save", live, "--json", "--weights", DigitsCheckpoint(25), "--weights",
                           DigitsCheckpoint(300), "--weights", DigitsCheckpoint(4000)});
  const CommandResult result = Run(Digits("mnist_deep_model.ckpt-0.meta"), args);
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_EQ(result.json()["version"], 3);
  EXPECT_TRUE(
      BitEqual(*formats::ReadNpzMember(cold, "fc2/add"), *formats::ReadNpzMember(live, "fc2/add")));
}

TEST_F(RunTest, FeedsAndFetchesTensorsInside) {
  const CommandResult result =
      Run(DigitsCheckpoint(4000), {"--input", "fc1/Relu=random:3x64", "--output", "fc2/MatMul",
                                   "--json", "--backend", "reference"});
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto json = result.json();
  EXPECT_EQ(json["outputs"][0]["name"], "fc2/MatMul");
  EXPECT_EQ(json["outputs"][0]["shape"], nlohmann::json({3, 10}));
  EXPECT_EQ(json["outputs"][0]["first_values"].size(), 10u);
}

TEST_F(RunTest, ReadsMembersOfArchives) {
  const CommandResult result = Run(
      DigitsCheckpoint(4000), {"--input", "fc2/add=" + Digits("expected_4000.npz") + ":fc2/add:0",
                               "--output", "accuracy/ArgMax"});
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("int64 [64]"));
}

struct BadRun {
  const char* name;
  std::vector<std::string> args;
  int exit;
  const char* message;  // part of it
};

void PrintTo(const BadRun& run, std::ostream* out) { *out << run.name; }

class BadRunTest : public ::testing::TestWithParam<BadRun> {};

TEST_P(BadRunTest, IsOneClearErrorWithItsExitCode) {
  std::vector<std::string> args = {"run", DigitsCheckpoint(4000)};
  args.insert(args.end(), GetParam().args.begin(), GetParam().args.end());
  const CommandResult result = RunCommand(args);
  EXPECT_EQ(result.exit, GetParam().exit) << result.err;
  EXPECT_THAT(result.err, StartsWith("midstream: "));
  EXPECT_THAT(result.err, HasSubstr(GetParam().message));
  EXPECT_EQ(result.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    Bad, BadRunTest,
    ::testing::Values(
        BadRun{"InputWithoutAValue", {"--input", "Placeholder"}, 2, "Placeholder"},
        BadRun{"UnknownOption", {"--inptu", "Placeholder=x.npy"}, 2, "--inptu"},
        BadRun{"NoInput", {"--output", "fc2/add"}, 3, "Placeholder"},
        BadRun{"UnknownInput", {"--input", "Plaecholder=random:1x784"}, 3, "Plaecholder"},
        BadRun{"UnknownOutput",
               {"--input", "Placeholder=random:1x784", "--output", "fc9/add"},
               3,
               "fc9/add"},
        BadRun{"WrongShape", {"--input", "Placeholder=random:1x785"}, 3, "785"},
        BadRun{"WrongDType", {"--input", "Placeholder=" + Digits("eval_labels.npy")}, 3, "int64"},
        BadRun{"MissingFile", {"--input", "Placeholder=nowhere.npy"}, 3, "nowhere.npy"},
        BadRun{"MissingMember",
               {"--input", "Placeholder=" + Digits("expected_0.npz") + ":nothing"},
               3,
               "nothing"},
        BadRun{"MissingWeights",
               {"--input", "Placeholder=random:1x784", "--weights", "nowhere.ckpt-1"},
               3,
               "nowhere.ckpt-1"},
        BadRun{"MissingUpdate",
               {"--input", "Placeholder=random:1x784", "--weights", DigitsCheckpoint(0),
                "--weights", "nowhere.ckpt-1"},
               3,
               "nowhere.ckpt-1"},
        BadRun{"UnknownKey", {"--set", "precison.mode=origin"}, 4, "precision"},
        BadRun{"BadOverride", {"--set", "precision.mode"}, 4, "precision.mode"},
        BadRun{"MissingConfig", {"--config", "nowhere.toml"}, 4, "nowhere.toml"},
        BadRun{"UnknownBackend", {"--backend", "no_such_backend"}, 5, "no_such_backend"},
        BadRun{"UnwritableOutput",
               {"--input", "Placeholder=random:1x784", "--save", "/nowhere/out.npz"},
               1,
               "/nowhere/out.npz"}),
    [](const auto& info) { return info.param.name; });

// An unset shell variable must not silently mean "the model's own weights" or "save nothing".
TEST_F(RunTest, RefusesEmptyOptionValues) {
  for (const char* option : {"--weights", "--save", "--config", "--backend", "--output"}) {
    const CommandResult result =
        Run(DigitsCheckpoint(0), {"--input", "Placeholder=" + images_, option, ""});
    EXPECT_EQ(result.exit, 2) << option;
    EXPECT_THAT(result.err, HasSubstr(option));
  }
}

TEST_F(RunTest, SavesAnOutputAskedForTwiceOnce) {
  const std::string saved = (folder_ / "twice.npz").string();
  const CommandResult result =
      Run(DigitsCheckpoint(4000), {"--input", "Placeholder=" + images_, "--output", "fc2/add",
                                   "--output", "fc2/add", "--save", saved});
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto arrays = formats::ReadNpz(saved);
  ASSERT_TRUE(arrays.ok()) << arrays.status().message();
  EXPECT_EQ(arrays->size(), 1u);
}

TEST_F(RunTest, RefusesAnArrayWithALyingHeader) {
  const std::string lying = (folder_ / "lying.npy").string();
  std::filesystem::copy_file(images_, lying);
  std::filesystem::resize_file(lying, 4000);
  const CommandResult result = Run(DigitsCheckpoint(0), {"--input", "Placeholder=" + lying});
  EXPECT_EQ(result.exit, 3);
  EXPECT_THAT(result.err, HasSubstr("lying.npy"));
}

TEST_F(RunTest, NamesTheTensorWhoseBytesAreDamaged) {
  for (const char* suffix : {".index", ".data-00000-of-00001"}) {
    std::filesystem::copy_file(DigitsCheckpoint(4000) + suffix,
                               folder_ / ("c" + std::string(suffix)));
  }
  std::fstream data(folder_ / "c.data-00000-of-00001",
                    std::ios::in | std::ios::out | std::ios::binary);
  data.seekp(400);  // within conv1/Variable
  data.put('\x55');
  data.close();
  const CommandResult result =
      Run(DigitsCheckpoint(0), {"--input", "Placeholder=random:1x784", "--weights",
                                DigitsCheckpoint(0), "--weights", (folder_ / "c").string()});
  EXPECT_EQ(result.exit, 3);
  EXPECT_THAT(result.err, HasSubstr("conv1/Variable"));
  EXPECT_THAT(result.err, HasSubstr("c.data-00000-of-00001"));
}

}  // namespace
}  // namespace midstream::e2e
