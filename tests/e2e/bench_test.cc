// midstream bench, and --trace on every command that runs a model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Temporary(const std::string& name) { return ::testing::TempDir() + name; }

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> Bench(std::vector<std::string> more) {
  std::vector<std::string> args = {"bench", DigitsCheckpoint(0), "--duration",
                                   "0.3",   "--warmup",          "0.02"};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

TEST(Bench, ComparesUpdatesWithQuiet) {
  const std::string svg = Temporary("bench.svg"), saved = Temporary("bench.json");
  const CommandResult result = RunCommand(
      Bench({"--rate", "300", "--update-rate", "100", "--svg", svg, "--save", saved, "--json"}));
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto json = result.json();
  EXPECT_EQ(json, nlohmann::json::parse(ReadText(saved)));
  EXPECT_EQ(json["trainer"]["bytes"], 217256);
  EXPECT_EQ(json["trainer"]["tensors"], 8);
  for (const char* kind : {"quiet", "updates", "memcpy"}) {
    EXPECT_GT(json[kind]["answered"], 0) << kind;
    EXPECT_EQ(json[kind]["torn"], 0) << kind;
    EXPECT_EQ(json[kind]["failed"], 0) << kind;
    EXPECT_GT(json[kind]["latency_ns"]["p50"], 0) << kind;
    EXPECT_GE(json[kind]["latency_ns"]["p999"], json[kind]["latency_ns"]["p50"]) << kind;
  }
  EXPECT_GT(json["updates"]["updates"]["count"], 0);
  EXPECT_EQ(json["updates"]["updates"]["failed"], 0);
  EXPECT_GT(json["updates"]["updates"]["stage_ns"]["p50"], 0);
  EXPECT_GT(json["memcpy"]["copies"]["memcpy_ns"]["p50"], 0);
  EXPECT_GT(json["ratios"]["updates_to_quiet"]["p99"], 0);
  EXPECT_GT(json["ratios"]["stage_to_memcpy"]["p50"], 0);
  EXPECT_EQ(json["environment"]["backend"], "cpu_blas");
  EXPECT_FALSE(json["series"]["latency"].empty());
  EXPECT_EQ(json["series"]["commits"].size(), json["updates"]["updates"]["count"]);
  EXPECT_THAT(ReadText(svg), HasSubstr("mnist_deep_model.ckpt-0 on cpu_blas"));
}

TEST(Bench, PushesGivenWeightsAsFastAsTheyGo) {
  const CommandResult result =
      RunCommand(Bench({"--clients", "2", "--update-rate", "max", "--weights",
                        DigitsCheckpoint(4000), "--batch", "3"}));
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("batch 3, 2 clients in a closed loop"));
  EXPECT_THAT(result.out, HasSubstr("updated back to back"));
  EXPECT_THAT(result.out, HasSubstr("updates / quiet"));
  EXPECT_THAT(result.out, HasSubstr("stage / memcpy"));
  EXPECT_THAT(result.out, Not(HasSubstr("torn answers were not looked for")));
}

TEST(Bench, WithoutUpdatesAllIsQuiet) {
  const CommandResult result = RunCommand(Bench({"--md"}));
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("| quiet |"));
  EXPECT_THAT(result.out, Not(HasSubstr("updates")));
  EXPECT_THAT(result.out, Not(HasSubstr("memcpy")));
}

TEST(Bench, PrintsStatisticsBesideItsResult) {
  const CommandResult result = RunCommand(Bench({"--update-rate", "100", "--stats", "--json"}));
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto stats = nlohmann::json::parse(result.err);
  const int updates = result.json()["updates"]["updates"]["count"];
  EXPECT_EQ(stats["weights"]["commits"], updates + 4);  // four to learn the answers
  EXPECT_EQ(stats["weights"]["version"], updates + 5);
  EXPECT_GT(stats["requests"]["completed"], 0);
  EXPECT_EQ(stats["requests"]["failed"], 0);
  const CommandResult text = RunCommand(Bench({"--stats", "--rate", "100"}));
  EXPECT_THAT(text.err, HasSubstr("waiting us"));
  EXPECT_THAT(text.err, HasSubstr("version 1, current for"));
}

TEST(Bench, SaysWhenAnswersCannotTellVersionsApart) {
  const CommandResult result = RunCommand(Bench(
      {"--update-rate", "max", "--weights", DigitsCheckpoint(0), "--output", "accuracy/ArgMax"}));
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("torn answers were not looked for"));
}

TEST(Bench, RefusesWhatItCannotMeasure) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"--update-rate", "often"}, "'often' is no rate"},
      {{"--update-rate", "0"}, "'0' is no rate"},
      {{"--update-rate", "nan"}, "'nan' is no rate"},
      {{"--rate", "-1"}, "--rate"},
      {{"--rate", "10", "--clients", "2"}, "--clients"},
      {{"--clients", "0"}, "--clients"},
      {{"--request-distribution", "constant"}, "--rate"},
      {{"--rate", "10", "--request-distribution", "uniform"}, "--request-distribution"},
      {{"--json", "--md"}, "--md"},
  };
  for (const auto& [args, message] : cases) {
    const CommandResult result = RunCommand(Bench(args));
    EXPECT_EQ(result.exit, 2) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
  }
  const CommandResult missing = RunCommand({"bench", "/nonexistent/model"});
  EXPECT_EQ(missing.exit, 3);
  const CommandResult unwritable = RunCommand(Bench({"--svg", "/nonexistent/folder/x.svg"}));
  EXPECT_EQ(unwritable.exit, 1);
  EXPECT_THAT(unwritable.err, HasSubstr("/nonexistent/folder"));
}

class Traced : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Traced, CommandWritesATrace) {
  const std::string path = Temporary("trace_" + GetParam().front() + ".json");
  std::filesystem::remove(path);
  std::vector<std::string> args = GetParam();
  args.insert(args.end(), {"--trace", path});
  const CommandResult result = RunCommand(args);
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto trace = nlohmann::json::parse(ReadText(path));
  EXPECT_EQ(trace["otherData"]["dropped_events"], 0);
  EXPECT_EQ(trace["traceEvents"][0]["args"]["name"], "midstream");
  std::map<std::string, int> phases;
  for (const auto& event : trace["traceEvents"]) {
    ++phases[std::string(event["name"]) + " " + std::string(event["ph"])];
  }
  EXPECT_GE(phases["stage X"], 1);
  EXPECT_GE(phases["commit i"], 1);
  EXPECT_GE(phases["execute X"], 1);
}

INSTANTIATE_TEST_SUITE_P(
    Commands, Traced,
    ::testing::Values(
        std::vector<std::string>{"run", DigitsCheckpoint(0), "--input", "Placeholder=random:2x784",
                                 "--weights", DigitsCheckpoint(0), "--weights",
                                 DigitsCheckpoint(4000)},
        std::vector<std::string>{"online", DigitsCheckpoint(0), "--updates", "2", "--runs", "1"},
        Bench({"--update-rate", "100"})),
    [](const auto& info) { return info.param.front(); });

TEST(Stats, AreBesideTheResultOfRunAndOnline) {
  const CommandResult run =
      RunCommand({"run", DigitsCheckpoint(0), "--input", "Placeholder=random:2x784", "--weights",
                  DigitsCheckpoint(0), "--weights", DigitsCheckpoint(4000), "--json", "--stats"});
  ASSERT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.json()["version"], 2);
  const auto stats = nlohmann::json::parse(run.err);
  EXPECT_EQ(stats["weights"]["version"], 2);
  EXPECT_EQ(stats["requests"]["completed"], 1);
  EXPECT_EQ(stats["requests"]["execution_ns"]["count"], 1);

  const CommandResult online =
      RunCommand({"online", DigitsCheckpoint(0), "--updates", "2", "--runs", "3", "--stats"});
  ASSERT_EQ(online.exit, 0) << online.err;
  EXPECT_THAT(online.err, HasSubstr("version 3, current for"));
  EXPECT_THAT(online.err, HasSubstr("submitted 8, completed 8, failed 0"));
}

TEST(Trace, IsWrittenWhereTheCommandFails) {
  const std::string path = Temporary("trace_failed.json");
  std::filesystem::remove(path);
  const CommandResult result =
      RunCommand({"run", DigitsCheckpoint(0), "--weights", "/nonexistent.npz", "--trace", path});
  EXPECT_EQ(result.exit, 3);
  EXPECT_THAT(result.err, HasSubstr("/nonexistent.npz"));
  EXPECT_TRUE(nlohmann::json::parse(ReadText(path)).contains("traceEvents"));
}

TEST(Trace, ThatCannotBeWrittenIsAFailure) {
  const CommandResult result = RunCommand({"online", DigitsCheckpoint(0), "--updates", "1",
                                           "--runs", "1", "--trace", "/nonexistent/folder/t.json"});
  EXPECT_EQ(result.exit, 1);
  EXPECT_THAT(result.err, HasSubstr("/nonexistent/folder"));
}

}  // namespace
}  // namespace midstream::e2e
