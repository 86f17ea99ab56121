// midstream bench, and --trace on every command that runs a model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/e2e/command_testing.h"
#include "tests/temporary_folder.h"

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
  EXPECT_EQ(result.json(), nlohmann::json::parse(ReadText(saved)));
  const auto json = result.json()["runs"][0];
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
  const int updates = result.json()["runs"][0]["updates"]["updates"]["count"];
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
      {{"--json", "--format", "csv"}, "--format"},
      {{"--md", "--format", "csv"}, "--format"},
      {{"--format", "xml"}, "--format"},
      {{"--stderr-format", "xml"}, "--stderr-format"},
      {{"--batch", "0"}, "--batch: '0' is not from 1 to 1048576"},
      {{"--batch", "1-"}, "--batch: '1-' is no whole number, list or range"},
      {{"--batch", "8-1"}, "--batch: '8-1' runs backwards"},
      {{"--batch", "99999999999999999999"}, "--batch: '99999999999999999999' is not from 1"},
      {{"--batch", "1-1000", "--clients", "1-1000"}, "at least 1,000,000 runs"},
      {{"--batch", ""}, "--batch"},
      {{"--threads", "1,x"}, "--threads: 'x' is no whole number"},
      {{"--streams", "0"}, "--streams: '0' is not from 1 to 1024"},
      {{"--instances", "1-5000"}, "--instances: '1-5000' is not from 1 to 1024"},
      {{"--backend", "cpu_blas,"}, "--backend: 'cpu_blas,' has an empty name"},
      {{"--shape", "Placeholder"}, "--shape: 'Placeholder' is not of the form NAME=2x3"},
      {{"--shape", "Placeholder=2x"}, "--shape: '2x' is no shape of 'Placeholder'"},
      {{"--shape", "a=2", "--shape", "a=3"}, "--shape: 'a' is given twice"},
      {{"--percentiles", "101"}, "--percentiles: '101' is not from 0 to 100"},
      {{"--iterations", "5", "--rate", "10"}, "--iterations"},
      {{"--iterations", "5", "--update-rate", "10"}, "--iterations"},
      {{"--iterations", "0"}, "--iterations"},
      {{"--rounds", "0"}, "--rounds"},
      {{"--latency-threshold", "5"}, "--latency-threshold needs bounds in --clients: '1' is no"},
      {{"--latency-threshold", "5", "--rate", "9-1"}, "bounds in --rate: '9-1' runs backwards"},
      {{"--latency-threshold", "0", "--clients", "1-2"}, "--latency-threshold"},
      {{"--threshold-percentile", "50"}, "--latency-threshold"},
      {{"--svg", "x.svg", "--batch", "1,2"}, "--svg is a picture of one run"},
      {{"--duration", "nan"}, "'nan'"},
      {{"--warmup", "nan"}, "'nan'"},
      {{"--latency-threshold", "nan", "--clients", "1-2"}, "'nan'"},
      {{"--seed", "-1"}, "expected a whole number"},
      {{"--seed", "99999999999999999999999"}, "expected a whole number"},
      {{"--weights", "x.npz"}, "--update-rate"},
  };
  for (const auto& [args, message] : cases) {
    const CommandResult result = RunCommand(Bench(args));
    EXPECT_EQ(result.exit, 2) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
  }
  const CommandResult missing = RunCommand({"bench", "/nonexistent/model"});
  EXPECT_EQ(missing.exit, 3);
  const CommandResult shape = RunCommand(Bench({"--shape", "nothing=2x784"}));
  EXPECT_EQ(shape.exit, 3);
  EXPECT_THAT(shape.err, HasSubstr("'nothing' is no input that is fed; those are Placeholder"));
  const CommandResult config = RunCommand(Bench({"--precision", "origin,half"}));
  EXPECT_EQ(config.exit, 4);
  EXPECT_THAT(config.err, HasSubstr("precision.mode"));
  const CommandResult unsaved = RunCommand(Bench({"--save", "/nonexistent/folder/x.csv"}));
  EXPECT_EQ(unsaved.exit, 1);
  EXPECT_THAT(unsaved.err, HasSubstr("/nonexistent/folder"));
  const CommandResult unwritable = RunCommand(Bench({"--svg", "/nonexistent/folder/x.svg"}));
  EXPECT_EQ(unwritable.exit, 1);
  EXPECT_THAT(unwritable.err, HasSubstr("/nonexistent/folder"));
}

TEST(Bench, MeasuresTheBackendThatIsAskedForWhateverTheOrderOfTheFile) {
  const CommandResult result =
      RunCommand({"bench", DigitsCheckpoint(0), "--iterations", "3", "--warmup", "0", "--config",
                  std::string(MS_SOURCE_DIR) + "/configs/compare.toml", "--backend",
                  "cpu_blas,reference", "--format", "jsonl"});
  ASSERT_EQ(result.exit, 0) << result.err;
  std::vector<std::string> backends;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    backends.push_back(nlohmann::json::parse(line)["backend"]);
  }
  EXPECT_THAT(backends, testing::ElementsAre("cpu_blas", "reference"));
}

TEST(Bench, KeepsWhatWasMeasuredBeforeAFailure) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/kept.csv";
  const CommandResult result =
      RunCommand({"bench", DigitsCheckpoint(0), "--iterations", "3", "--warmup", "0", "--backend",
                  "cpu_blas,nosuch", "--save", path});
  EXPECT_EQ(result.exit, 5);
  std::ifstream saved(path);
  std::string head, row;
  EXPECT_TRUE(std::getline(saved, head) && std::getline(saved, row));
  EXPECT_THAT(row, HasSubstr("cpu_blas"));
}

TEST(Bench, ProfilesEachRunAfterItsMeasurement) {
  const CommandResult result =
      RunCommand({"bench", DigitsCheckpoint(0), "--iterations", "5", "--warmup", "0", "--batch",
                  "1,2", "--profile", "--format", "jsonl"});
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("fc1/MatMul"));
  size_t tables = 0;
  for (size_t at = result.err.find("profile\n"); at != std::string::npos;
       at = result.err.find("profile\n", at + 1)) {
    ++tables;
  }
  EXPECT_EQ(tables, 2u);
  EXPECT_THAT(result.out, HasSubstr("\"requests\":5,"));
}

std::vector<std::string> Sweep(std::vector<std::string> more) {
  std::vector<std::string> args = {
      "bench", DigitsCheckpoint(0), "--iterations", "12",        "--rounds", "3",      "--warmup",
      "0",     "--batch",           "1-4*2",        "--clients", "1,2",      "--seed", "7"};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

std::vector<nlohmann::json> Lines(const std::string& text) {
  std::vector<nlohmann::json> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

std::vector<std::string> Split(const std::string& line, char separator) {
  std::vector<std::string> cells;
  std::istringstream text(line);
  for (std::string cell; std::getline(text, cell, separator);) cells.push_back(cell);
  return cells;
}

// Every combination of the lists is a run, with all that is needed to make it again.
void ExpectRows(const std::vector<nlohmann::json>& rows) {
  ASSERT_EQ(rows.size(), 6u);
  for (size_t i = 0; i < rows.size(); ++i) {
    const nlohmann::json& row = rows[i];
    EXPECT_EQ(row["batch"], 1 << i / 2);
    EXPECT_EQ(row["clients"], 1 + i % 2);
    EXPECT_EQ(row["rate"], nullptr);
    EXPECT_EQ(row["backend"], "cpu_blas");
    EXPECT_EQ(row["slice"], "quiet");
    EXPECT_EQ(row["seed"], 7);
    EXPECT_EQ(row["requests"], 12);
    EXPECT_EQ(row["failed"], 0);
    EXPECT_GT(row["p50_us"], 0);
    EXPECT_GE(row["p99.9_us"], row["p50_us"]);
    EXPECT_GE(row["max_us"], row["p99.9_us"]);
    EXPECT_LE(row["p50_low_us"], row["p50_high_us"]);
    EXPECT_NEAR(row["items_per_s"], double(row["requests_per_s"]) * int(row["batch"]), 1e-3);
    for (const char* name : {"midstream", "commit", "build", "cpu", "governor", "system",
                             "compiler", "device", "precision", "date"}) {
      EXPECT_FALSE(row[name].get<std::string>().empty()) << name;
    }
    EXPECT_GE(row["cores"], 1);
  }
}

TEST(BenchSweep, WritesLinesOfJson) {
  const CommandResult result = RunCommand(Sweep({"--format", "jsonl"}));
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_EQ(result.err, "");  // no terminal, no progress
  ExpectRows(Lines(result.out));
}

TEST(BenchSweep, WritesOneDocument) {
  const CommandResult result = RunCommand(Sweep({"--json"}));
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto json = result.json();
  ExpectRows(json["rows"]);
  ASSERT_EQ(json["runs"].size(), 6u);
  EXPECT_EQ(json["runs"][5]["load"]["batch"], 4);
  EXPECT_EQ(json["runs"][5]["quiet"]["round_medians_ns"].size(), 3u);
}

TEST(BenchSweep, WritesTablesOfText) {
  const std::string saved = Temporary("sweep.csv");
  const CommandResult result = RunCommand(
      Sweep({"--format", "csv", "--stderr-format", "md", "--save", saved, "--percentile", "75"}));
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_EQ(ReadText(saved), result.out);
  const std::vector<std::string> lines = Split(result.out, '\n');
  ASSERT_EQ(lines.size(), 7u);
  const std::vector<std::string> head = Split(lines[0], ',');
  EXPECT_THAT(head, ::testing::IsSupersetOf({"batch", "clients", "p75_us", "max_us", "cpu"}));
  EXPECT_THAT(head, Not(::testing::Contains("p99_us")));
  const auto batch = std::find(head.begin(), head.end(), "batch") - head.begin();
  for (size_t i = 1; i < lines.size(); ++i) {
    EXPECT_EQ(Split(lines[i], ',')[batch], std::to_string(1 << (i - 1) / 2));
  }
  EXPECT_THAT(result.err, HasSubstr("| batch | clients | requests |"));
  EXPECT_THAT(result.err, HasSubstr("\n| 4 | 2 | 12 |"));
}

TEST(BenchSweep, GoesOverBackendsConfigurationsAndShapes) {
  const CommandResult result =
      RunCommand({"bench", DigitsCheckpoint(0), "--iterations", "3", "--warmup", "0", "--backend",
                  "cpu_blas,reference", "--threads", "1,2", "--precision", "origin,force_fp32",
                  "--shape", "Placeholder=1x784,3x784", "--format", "jsonl"});
  ASSERT_EQ(result.exit, 0) << result.err;
  const std::vector<nlohmann::json> rows = Lines(result.out);
  ASSERT_EQ(rows.size(), 16u);
  EXPECT_EQ(rows[0]["backend"], "cpu_blas");
  EXPECT_EQ(rows[0]["shapes"], "Placeholder=1x784");
  EXPECT_EQ(rows[1]["shapes"], "Placeholder=3x784");
  EXPECT_NEAR(rows[1]["items_per_s"], 3 * double(rows[1]["requests_per_s"]), 1e-3);
  EXPECT_EQ(rows[2]["threads"], 2);
  EXPECT_EQ(rows[4]["precision"], "force_fp32");
  EXPECT_EQ(rows[15]["backend"], "reference");
  EXPECT_EQ(rows[15]["device"], "reference");
}

TEST(BenchSweep, KeepsWhatItHasWhenALaterRunFails) {
  const CommandResult result =
      RunCommand({"bench", DigitsCheckpoint(0), "--iterations", "3", "--warmup", "0", "--backend",
                  "cpu_blas,nonesuch", "--format", "jsonl"});
  EXPECT_EQ(result.exit, 5);
  EXPECT_THAT(result.err, HasSubstr("nonesuch"));
  ASSERT_EQ(Lines(result.out).size(), 1u);
}

TEST(BenchSearch, FindsTheMostClientsThatHoldTheThreshold) {
  const CommandResult generous =
      RunCommand({"bench", DigitsCheckpoint(0), "--iterations", "20", "--warmup", "0", "--clients",
                  "1-4", "--latency-threshold", "100000", "--format", "jsonl"});
  ASSERT_EQ(generous.exit, 0) << generous.err;
  std::vector<nlohmann::json> rows = Lines(generous.out);
  ASSERT_EQ(rows.size(), 2u);  // both ends hold, so nothing is left to search
  EXPECT_EQ(rows[0]["clients"], 1);
  EXPECT_EQ(rows[0]["best"], false);
  EXPECT_EQ(rows[1]["clients"], 4);
  EXPECT_EQ(rows[1]["held"], true);
  EXPECT_EQ(rows[1]["best"], true);
  EXPECT_EQ(rows[1]["threshold_percentile"], 99);

  const CommandResult impossible = RunCommand(
      {"bench", DigitsCheckpoint(0), "--duration", "0.1", "--warmup", "0", "--rate", "200-300",
       "--latency-threshold", "0.00001", "--threshold-percentile", "50", "--batch", "1,2"});
  EXPECT_EQ(impossible.exit, 1);
  EXPECT_THAT(impossible.err, HasSubstr("p50 exceeds 1e-05 ms already at the lowest load, 200"));
  EXPECT_THAT(impossible.err, HasSubstr("in 2 of 2 searches"));
  EXPECT_THAT(impossible.out, HasSubstr("held"));
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
