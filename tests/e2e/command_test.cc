// The command as a whole: help, usage errors, exit codes, backends and configurations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Command, ExplainsItselfWithExamplesAndExitCodes) {
  for (const char* command : {"inspect", "run", "online", "backends"}) {
    const CommandResult result = RunCommand({command, "--help"});
    EXPECT_EQ(result.exit, 0);
    EXPECT_THAT(result.out,
                AllOf(HasSubstr("Examples:"), HasSubstr("Exit codes:"), HasSubstr("--json"),
                      HasSubstr("midstream " + std::string(command))));
  }
  EXPECT_THAT(RunCommand({"--help"}).out, HasSubstr("inspect"));
  EXPECT_THAT(RunCommand({"config", "--help"}).out, HasSubstr("precision.mode"));
  EXPECT_THAT(RunCommand({"--version"}).out, StartsWith("midstream "));
}

TEST(Command, TellsWhatIsWrongWithTheCommandLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "a command is missing"},
      {{"infer"}, "infer"},
      {{"config"}, "a command is missing (see midstream config --help)"},
      {{"run"}, "MODEL is required (see midstream run --help)"},
      {{"inspect", "a", "b"}, "b"},
  };
  for (const auto& [args, message] : cases) {
    const CommandResult result = RunCommand(args);
    EXPECT_EQ(result.exit, 2);
    EXPECT_THAT(result.err, AllOf(StartsWith("midstream: "), HasSubstr(message)));
    EXPECT_EQ(result.out, "");
  }
}

TEST(Command, ListsTheBackends) {
  const CommandResult result = RunCommand({"backends", "--operators"});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("cpu_blas"), HasSubstr("reference"), HasSubstr("1.0"),
                                HasSubstr("Conv")));
  const auto json = RunCommand({"backends", "--json"}).json();
  ASSERT_EQ(json["plugins"].size(), 2u);
  for (const auto& plugin : json["plugins"]) {
    EXPECT_TRUE(plugin["ok"]);
    EXPECT_EQ(plugin["abi"], "1.1");
    EXPECT_FALSE(plugin["devices"].empty());
    EXPECT_GT(plugin["operators"].size(), 10u);
  }
}

TEST(Command, PrintsWhatTheBackendsTake) {
  const CommandResult result = RunCommand({"backends", "docs"});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("| Operator | cpu_blas | reference |\n|---|---|---|\n| Abs | floats"));
  const CommandResult missing =
      RunCommand({"backends", "docs", "--set", "plugins.list=[\"/nowhere/npu.so\"]"});
  EXPECT_EQ(missing.exit, 5);
  EXPECT_EQ(missing.out, "");
  EXPECT_THAT(missing.err, HasSubstr("/nowhere/npu.so"));
}

TEST(Command, TellsWhyAPluginCannotBeUsed) {
  const CommandResult result =
      RunCommand({"backends", "--set", "plugins.list=[\"reference\", \"/nowhere/npu.so\"]", "--set",
                  "backend=reference"});
  EXPECT_EQ(result.exit, 5);
  EXPECT_THAT(result.out, AllOf(HasSubstr("reference"), HasSubstr("/nowhere/npu.so")));
  EXPECT_THAT(result.err, HasSubstr("/nowhere/npu.so"));
}

class ConfigCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(::testing::TempDir()) /
            (std::string("midstream_config_") +
             ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml");
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string Write(const std::string& text) const {
    std::ofstream(path_) << text;
    return path_.string();
  }
  std::filesystem::path path_;
};

TEST_F(ConfigCommandTest, ShowsEveryValueAndItsSource) {
  const std::string file = Write("[execution]\nthreads = 3\n");
  const CommandResult text = RunCommand({"config", "show", file, "--backend", "reference"});
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("execution.threads = 3"), HasSubstr(file + ":2"),
                              HasSubstr("backend = \"reference\""), HasSubstr("--set")));
  const auto json = RunCommand({"config", "show", file, "--json"}).json();
  EXPECT_EQ(json["execution.threads"]["value"], 3);
  EXPECT_EQ(json["execution.streams"]["source"], "default");
}

TEST_F(ConfigCommandTest, ChecksAFileAndReportsEveryProblem) {
  const std::string good = Write("backend = \"reference\"\n");
  EXPECT_EQ(RunCommand({"config", "check", good}).out, good + ": ok\n");

  const std::string bad = Write("bakend = \"x\"\n[execution]\nthreads = \"many\"\n");
  const CommandResult text = RunCommand({"config", "check", bad});
  EXPECT_EQ(text.exit, 4);
  EXPECT_THAT(text.err, AllOf(HasSubstr(bad + ":1"), HasSubstr("backend"), HasSubstr(bad + ":3")));
  const CommandResult json = RunCommand({"config", "check", bad, "--json"});
  EXPECT_EQ(json.exit, 4);
  EXPECT_EQ(json.json()["ok"], false);
  ASSERT_EQ(json.json()["problems"].size(), 2u);
  EXPECT_EQ(json.json()["problems"][0]["line"], 1);
  EXPECT_EQ(json.json()["problems"][1]["key"], "execution.threads");
}

TEST_F(ConfigCommandTest, WritesADefaultFileThatIsRight) {
  const CommandResult docs = RunCommand({"config", "docs", "--format", "toml"});
  EXPECT_EQ(docs.exit, 0);
  EXPECT_EQ(RunCommand({"config", "check", Write(docs.out)}).exit, 0);
  EXPECT_TRUE(RunCommand({"config", "docs", "--json"}).json().is_array());
}

TEST_F(ConfigCommandTest, ImportsTheOptionsOfAnNpuSession) {
  const std::string map = Write(R"({"precision_mode": "force_fp16", "jit_compile": "auto"})");
  const CommandResult text = RunCommand({"config", "import-npu", map});
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("[precision]\nmode = \"force_fp16\"\n"));
  EXPECT_THAT(text.err, AllOf(HasSubstr("precision_mode: mapped to precision.mode: "),
                              HasSubstr("jit_compile: kept as backends.ascend.jit_compile: ")));
  EXPECT_EQ(RunCommand({"config", "check", Write(text.out)}).exit, 0);

  const auto json =
      RunCommand({"config", "import-npu",
                  Write(R"({"precision_mode": "force_fp16", "jit_compile": "auto"})"), "--json"})
          .json();
  EXPECT_EQ(json["toml"], text.out);
  EXPECT_EQ(json["report"][1]["fate"], "kept");

  const CommandResult bad =
      RunCommand({"config", "import-npu", Write(R"({"jit": 1, "use_off_line": "yes"})")});
  EXPECT_EQ(bad.exit, 4);
  EXPECT_THAT(bad.err, AllOf(HasSubstr("2 problems"), HasSubstr("use_off_line: expected true")));
}

TEST_F(ConfigCommandTest, AcceptsEveryFileThatIsShipped) {
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(MS_SOURCE_DIR) + "/configs")) {
    const bool toml = entry.path().extension() == ".toml";
    const CommandResult result =
        RunCommand({"config", toml ? "check" : "import-npu", entry.path().string()});
    EXPECT_EQ(result.exit, 0) << result.err;
  }
}

}  // namespace
}  // namespace midstream::e2e
