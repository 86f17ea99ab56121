// midstream weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class WeightsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("midstream_weights_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  static CommandResult Weights(std::vector<std::string> args) {
    args.insert(args.begin(), "weights");
    return RunCommand(args);
  }
  void Export(const std::string& output, std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"export", DigitsCheckpoint(0), "--output", Path(output)};
    args.insert(args.end(), more.begin(), more.end());
    const CommandResult result = Weights(args);
    ASSERT_EQ(result.exit, 0) << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr("8 tensors"), HasSubstr("SHA-256 of the set: ")));
  }

  std::filesystem::path folder_;
};

TEST_F(WeightsTest, EveryFormatHoldsTheSame) {
  Export("w.safetensors", {"--weights", DigitsCheckpoint(100)});
  Export("w.npz", {"--weights", Path("w.safetensors")});
  Export("w.ckpt", {"--weights", DigitsCheckpoint(0), "--weights", Path("w.npz")});
  // TensorFlow's own bytes, after three formats and a live update.
  for (const char* suffix : {".index", ".data-00000-of-00001"}) {
    EXPECT_EQ(Bytes(Path("w.ckpt") + suffix), Bytes(DigitsCheckpoint(100) + suffix)) << suffix;
  }
  std::vector<std::string> digests;
  for (const std::string& path :
       {Path("w.safetensors"), Path("w.npz"), Path("w.ckpt"), DigitsCheckpoint(100)}) {
    const auto json = Weights({"show", path, "--digest", "--json"}).json();
    ASSERT_EQ(json["tensors"].size(), 8u) << path;
    digests.push_back(json["sha256"]);
    EXPECT_EQ(digests.back(), digests.front()) << path;
    EXPECT_EQ(digests.back().size(), 64u);
    const CommandResult same = Weights({"diff", path, DigitsCheckpoint(100)});
    EXPECT_EQ(same.exit, 0) << same.err;
    EXPECT_EQ(same.out, "8 tensors are equal, 0 differ\n");
  }
}

TEST_F(WeightsTest, RunsOnWhatItWrote) {
  Export("w.safetensors", {"--weights", DigitsCheckpoint(4000)});
  Export("w.npz", {"--weights", DigitsCheckpoint(4000)});
  const CommandResult result =
      RunCommand({"online", DigitsCheckpoint(0), "--output", "accuracy/ArgMax", "--images",
                  Digits("eval_images.npy"), "--labels", Digits("eval_labels.npy"), "--weights",
                  DigitsCheckpoint(4000), "--weights", Path("w.safetensors"), "--weights",
                  Path("w.npz"), "--runs", "1", "--json", "--backend", "cpu_blas"});
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto updates = result.json()["updates"];
  ASSERT_EQ(updates.size(), 3u);
  EXPECT_GT(updates[0]["accuracy"], 0.98);
  EXPECT_EQ(updates[1]["accuracy"], updates[0]["accuracy"]);
  EXPECT_EQ(updates[2]["accuracy"], updates[0]["accuracy"]);

  const CommandResult run = RunCommand(
      {"run", DigitsCheckpoint(0), "--weights", Path("w.safetensors"), "--weights", Path("w.npz"),
       "--input", "Placeholder=random:1x784", "--output", "fc2/add", "--json"});
  ASSERT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.json()["version"], 2);
}

TEST_F(WeightsTest, WritesAPart) {
  const CommandResult result =
      Weights({"export", DigitsCheckpoint(0), "--output", Path("part"), "--format", "npz", "--only",
               "fc*", "--only", "conv1/Variable", "--json"});
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto json = result.json();
  EXPECT_EQ(json["tensors"], 5);
  EXPECT_EQ(json["format"], "npz");
  EXPECT_EQ(Bytes(Path("part")).substr(0, 2), "PK");
  const CommandResult none =
      Weights({"export", DigitsCheckpoint(0), "--output", Path("none"), "--only", "nothing*"});
  EXPECT_EQ(none.exit, 3);
  EXPECT_THAT(none.err, HasSubstr("'nothing*'"));
  EXPECT_FALSE(std::filesystem::exists(Path("none.index")));
}

TEST_F(WeightsTest, MakesACheckpointTheLatest) {
  std::filesystem::copy(DigitsCheckpoint(0) + ".meta", Path("b.meta"));
  Export("a", {"--latest"});
  Export("b", {"--latest", "--weights", DigitsCheckpoint(500)});
  const CommandResult same = Weights({"diff", folder_.string(), DigitsCheckpoint(500)});
  EXPECT_EQ(same.exit, 0) << same.out << same.err;
  const CommandResult wrong =
      Weights({"export", DigitsCheckpoint(0), "--output", Path("w.npz"), "--latest"});
  EXPECT_EQ(wrong.exit, 2);
}

TEST_F(WeightsTest, ShowsFigures) {
  const CommandResult text = Weights({"show", DigitsCheckpoint(4000), "--stats"});
  ASSERT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("8 tensors, 217,256 bytes"), HasSubstr("nonfinite")));
  const auto json =
      Weights({"show", DigitsCheckpoint(0), "--stats", "--only", "*Variable_1", "--json"}).json();
  ASSERT_EQ(json["tensors"].size(), 4u);
  for (const auto& tensor : json["tensors"]) {  // the biases as they were initialised
    EXPECT_EQ(tensor["min"], tensor["max"]);
    EXPECT_EQ(tensor["std"], 0.0);
    EXPECT_EQ(tensor["nonfinite"], 0);
    EXPECT_FALSE(tensor.contains("sha256"));
  }
}

TEST_F(WeightsTest, ComparesLikeDiff) {
  const CommandResult values = Weights({"diff", DigitsCheckpoint(0), DigitsCheckpoint(100)});
  EXPECT_EQ(values.exit, 1);
  EXPECT_THAT(values.out, AllOf(HasSubstr("max abs"), HasSubstr("0 tensors are equal, 8 differ")));
  ASSERT_EQ(
      Weights({"export", DigitsCheckpoint(0), "--output", Path("fc.npz"), "--only", "fc*"}).exit,
      0);
  const CommandResult missing = Weights({"diff", Path("fc.npz"), DigitsCheckpoint(0), "--json"});
  EXPECT_EQ(missing.exit, 1);
  EXPECT_EQ(missing.json()["only_in_b"].size(), 4u);
  EXPECT_EQ(missing.json()["equal"], 4);
  EXPECT_EQ(Weights({"diff", Path("fc.npz"), DigitsCheckpoint(0), "--only", "fc*"}).exit, 0);
  EXPECT_EQ(Weights({"diff", Path("fc.npz"), DigitsCheckpoint(0), "--only", "conv*"}).exit, 1);
  EXPECT_EQ(Weights({"diff", Path("fc.npz"), DigitsCheckpoint(0), "--only", "x*"}).exit, 3);
  EXPECT_EQ(Weights({"diff", Path("no.npz"), DigitsCheckpoint(0)}).exit, 3);
  EXPECT_EQ(Weights({"diff", Path("fc.npz")}).exit, 2);
}

TEST_F(WeightsTest, SaysWhatIsWrong) {
  const CommandResult folder =
      Weights({"export", DigitsCheckpoint(0), "--output", Path("no/w.npz")});
  EXPECT_EQ(folder.exit, 1);
  EXPECT_THAT(folder.err, AllOf(StartsWith("midstream: "), HasSubstr(Path("no/w.npz"))));
  std::ofstream(Path("bad.safetensors")) << "not a header";
  const CommandResult bad = Weights({"show", Path("bad.safetensors")});
  EXPECT_EQ(bad.exit, 3);
  EXPECT_THAT(bad.err, HasSubstr("bad.safetensors: its header is said to have"));
  for (const char* command : {"export", "show", "diff"}) {
    EXPECT_THAT(Weights({command, "--help"}).out,
                AllOf(HasSubstr("Examples:"), HasSubstr("Exit codes:"), HasSubstr("--json")));
  }
  EXPECT_THAT(Weights({}).err, HasSubstr("a command is missing (see midstream weights --help)"));
}

}  // namespace
}  // namespace midstream::e2e
