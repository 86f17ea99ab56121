// Commands that follow a trainer, and the one that plays it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/e2e/command_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::vector<std::string> kEvaluation = {"--images", Digits("eval_images.npy"), "--labels",
                                              Digits("eval_labels.npy")};
const std::string kWait = "60";  // seconds, for a socket to appear

class PushTest : public testing::Test {
 protected:
  // The weights of a step as a file, which appears at once.
  void Export(int step, const std::string& path) const {
    const auto exported = RunCommand({"weights", "export", DigitsCheckpoint(0), "--weights",
                                      DigitsCheckpoint(step), "--output", path});
    ASSERT_EQ(exported.exit, 0) << exported.err;
  }
  CommandResult Push(std::vector<std::string> args) const {
    args.insert(args.begin(), {"push", socket_, "--wait", kWait});
    return RunCommand(args);
  }
  std::vector<std::string> Online(std::vector<std::string> args) const {
    args.insert(args.begin(), {"online", DigitsCheckpoint(0), "--output", "accuracy/ArgMax",
                               "--json", "--clients", "2"});
    args.insert(args.end(), kEvaluation.begin(), kEvaluation.end());
    return args;
  }
  std::vector<std::string> Listening(int updates) const {
    return {"run",       DigitsCheckpoint(0),
            "--input",   "Placeholder=" + Digits("eval_images.npy"),
            "--output",  "fc2/add",
            "--listen",  socket_,
            "--updates", std::to_string(updates)};
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::string socket_ = folder_ + "/weights.sock";
};

std::vector<nlohmann::json> Lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(nlohmann::json::parse(line, nullptr, false));
  }
  return lines;
}

TEST_F(PushTest, OnlineShowsEachVersionWithItsOwnAccuracy) {
  const std::string file = folder_ + "/a.safetensors";
  Export(500, file);
  RunningCommand online(Online({"--listen", socket_, "--updates", "3"}));
  const auto pushed = Push({DigitsCheckpoint(100), file, DigitsCheckpoint(4000), "--json"});
  ASSERT_EQ(pushed.exit, 0) << pushed.err;
  const auto shown = online.Wait();
  ASSERT_EQ(shown.exit, 0) << shown.err;

  const auto pushes = pushed.json()["pushes"];
  const auto json = shown.json();
  ASSERT_EQ(pushes.size(), 3u);
  ASSERT_EQ(json["versions"].size(), 4u) << shown.out;
  EXPECT_EQ(json["versions"][0]["version"], 1);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(pushes[i]["version"], i + 2);
    EXPECT_EQ(pushes[i]["tensors"], 8);
    const auto& row = json["versions"][i + 1];
    EXPECT_EQ(row["version"], i + 2);
    EXPECT_EQ(row["tensors"], 8);
    EXPECT_GT(row["update_ms"], 0);
    // The same weights in a run of their own.
    const std::vector<std::string> sources = {DigitsCheckpoint(100), file, DigitsCheckpoint(4000)};
    std::vector<std::string> alone = {
        "online", DigitsCheckpoint(0), "--output", "accuracy/ArgMax", "--runs", "1",
        "--json", "--weights",         sources[i]};
    alone.insert(alone.end(), kEvaluation.begin(), kEvaluation.end());
    EXPECT_EQ(row["accuracy"], RunCommand(alone).json()["updates"][0]["accuracy"]);
  }
  EXPECT_EQ(json["summary"]["updates"], 3);
  EXPECT_EQ(json["summary"]["compiles"], 0);
  EXPECT_EQ(json["summary"]["failed_requests"], 0);
  EXPECT_GT(json["summary"]["requests"], 0);
}

TEST_F(PushTest, RunRunsOnceForEachVersion) {
  auto args = Listening(2);
  args.push_back("--json");
  RunningCommand run(args);
  const std::string arrays = folder_ + "/arrays";
  fs::create_directory(arrays);
  std::ofstream(arrays + "/bad.npy") << "no array";
  EXPECT_EQ(Push({arrays}).exit, 3);
  const auto refused = Push({DigitsCheckpoint(100), "--digest", std::string(64, '0')});
  EXPECT_EQ(refused.exit, 3);
  EXPECT_THAT(refused.err, HasSubstr("digest"));
  const auto pushed = Push({DigitsCheckpoint(100), DigitsCheckpoint(4000), "--base", "1"});
  EXPECT_EQ(pushed.exit, 0) << pushed.err;
  EXPECT_THAT(pushed.out, StartsWith("version 2: 8 tensors from " + DigitsCheckpoint(100)));
  const auto shown = run.Wait();
  ASSERT_EQ(shown.exit, 0) << shown.err;
  const auto lines = Lines(shown.out);
  ASSERT_EQ(lines.size(), 4u) << shown.out;
  EXPECT_EQ(lines[0]["version"], 1);
  EXPECT_THAT(lines[1]["message"].get<std::string>(), HasSubstr("digest"));
  EXPECT_EQ(lines[2]["version"], 2);
  EXPECT_EQ(lines[3]["version"], 3);
  const auto last =
      RunCommand({"run", DigitsCheckpoint(4000), "--input",
                  "Placeholder=" + Digits("eval_images.npy"), "--output", "fc2/add", "--json"});
  EXPECT_EQ(lines[3]["outputs"], last.json()["outputs"]);
}

TEST_F(PushTest, AFolderOfArraysIsAsGoodAsAFile) {
  const std::string file = folder_ + "/a.npz";
  Export(100, file);
  // An archive's members are such files.
  const std::string unpacked = folder_ + "/arrays";
  fs::create_directory(unpacked);
  ASSERT_EQ(
      std::system(("cd " + unpacked + " && " CMAKE_COMMAND_PATH " -E tar xf ../a.npz").c_str()), 0);
  RunningCommand run(Listening(2));
  const auto pushed = Push({file, unpacked, "--check", "exact"});
  EXPECT_EQ(pushed.exit, 0) << pushed.err;
  EXPECT_THAT(pushed.out, HasSubstr("version 3: 8 tensors from " + unpacked));
  EXPECT_EQ(run.Wait().exit, 0);
}

TEST_F(PushTest, TellsTheVersionGoesBackAndEndsWithASignal) {
  RunningCommand run(Listening(100));
  EXPECT_THAT(Push({"--status"}).out, HasSubstr("version 1"));
  EXPECT_EQ(Push({DigitsCheckpoint(100), DigitsCheckpoint(200)}).exit, 0);
  EXPECT_EQ(Push({"--status", "--json"}).json()["version"], 3);
  const auto back = Push({"--rollback", "2"});
  EXPECT_EQ(back.exit, 0) << back.err;
  EXPECT_THAT(Push({"--status"}).out, HasSubstr(back.out));
  EXPECT_EQ(Push({"--rollback", "77"}).exit, 3);
  run.Signal(SIGTERM);
  const auto ended = run.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_FALSE(fs::exists(socket_));
}

TEST_F(PushTest, RenamesAndChecks) {
  RunningCommand run(Listening(1));
  const std::string file = folder_ + "/a.safetensors";
  Export(100, file);
  const auto unknown = Push({file, "--rename", "fc2/*=head/*"});
  EXPECT_EQ(unknown.exit, 3);
  EXPECT_THAT(unknown.err, HasSubstr("'fc2/Variable': the model has no such weight"));
  const auto stale = Push({file, "--base", "7"});
  EXPECT_NE(stale.exit, 0);
  EXPECT_THAT(stale.err, HasSubstr("7"));
  EXPECT_EQ(Push({file, "--rename", "fc2/*=fc2/*", "--finite"}).exit, 0);
  EXPECT_EQ(run.Wait().exit, 0);
}

TEST_F(PushTest, WatchFollowsAFolder) {
  Export(100, folder_ + "/1.safetensors");
  auto args = Online({"--watch", folder_, "--updates", "2", "--set", "watch.settle_ms=5"});
  args.erase(std::find(args.begin(), args.end(), "--json"));
  RunningCommand online(args);
  EXPECT_TRUE(online.Prints(" 2  1.safetensors "));
  std::ofstream(folder_ + "/bad.npz") << "no archive";
  EXPECT_TRUE(online.Prints("refused: " + folder_ + "/bad.npz"));
  Export(4000, folder_ + "/2.npz");
  const auto shown = online.Wait();
  EXPECT_EQ(shown.exit, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr(" 3  2.npz "));
  EXPECT_THAT(shown.out, HasSubstr("Summary of 2 updates"));
  EXPECT_THAT(shown.out, HasSubstr("answered, 0 failed"));
  EXPECT_THAT(shown.out, HasSubstr("Compilations during the updates: 0"));
}

TEST_F(PushTest, MistakesEndAtOnce) {
  EXPECT_EQ(RunCommand({"push", socket_, DigitsCheckpoint(0)}).exit, 1);
  EXPECT_EQ(RunCommand({"push", socket_}).exit, 2);
  EXPECT_EQ(RunCommand({"push", socket_, "a", "--status"}).exit, 2);
  EXPECT_EQ(RunCommand({"push", socket_, "a", "--check", "all"}).exit, 2);
  EXPECT_EQ(RunCommand({"push", socket_, "a", "--rename", "b"}).exit, 2);
  const auto none = RunCommand({"run", DigitsCheckpoint(0), "--input", "Placeholder=random:1x784",
                                "--watch", folder_ + "/none"});
  EXPECT_EQ(none.exit, 3);
  EXPECT_THAT(none.err, HasSubstr("--watch: " + folder_ + "/none"));
  std::ofstream(socket_) << "no socket";
  const auto taken = RunCommand(Listening(1));
  EXPECT_EQ(taken.exit, 3);
  EXPECT_THAT(taken.err, HasSubstr("is no socket"));
  EXPECT_EQ(RunCommand(Online({"--listen", socket_, "--watch", folder_})).exit, 2);
}

const std::string kDemo = std::string(MS_SOURCE_DIR) + "/scripts/demo.sh";

// Processes whose command line has `text` in it.
size_t Processes(const std::string& text) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ostringstream line;
    line << std::ifstream(entry.path() / "cmdline").rdbuf();
    count += line.str().find(text) != std::string::npos;
  }
  return count;
}

TEST_F(PushTest, TheDemoTakesTwelveVersionsOfASecondProcess) {
  setenv("DEMO_EVERY", "0.05", 1);
  setenv("TMPDIR", folder_.c_str(), 1);
  const auto demo = RunningCommand({MS_BINARY_DIR, "--json"}, kDemo).Wait();
  ASSERT_EQ(demo.exit, 0) << demo.err;
  const auto json = demo.json();
  ASSERT_EQ(json["versions"].size(), 13u) << demo.out;
  EXPECT_GE(json["versions"][12]["accuracy"], 0.97);
  EXPECT_EQ(json["summary"]["compiles"], 0);
  EXPECT_EQ(json["summary"]["failed_requests"], 0);
  EXPECT_TRUE(fs::is_empty(folder_));
  unsetenv("TMPDIR");
  unsetenv("DEMO_EVERY");
}

TEST_F(PushTest, TheDemoFailsWithEitherSideAndLeavesNothingBehind) {
  setenv("TMPDIR", folder_.c_str(), 1);
  const auto server = RunningCommand({MS_BINARY_DIR, "--set", "no.such=key"}, kDemo).Wait();
  EXPECT_EQ(server.exit, 4) << server.err;
  setenv("DEMO_EVERY", "never", 1);
  const auto trainer = RunningCommand({MS_BINARY_DIR}, kDemo).Wait();
  EXPECT_EQ(trainer.exit, 2) << trainer.err;
  EXPECT_THAT(trainer.err, HasSubstr("--every"));
  unsetenv("DEMO_EVERY");
  EXPECT_EQ(Processes(folder_), 0u);
  EXPECT_TRUE(fs::is_empty(folder_));
  unsetenv("TMPDIR");
}

}  // namespace
}  // namespace midstream::e2e
