// midstream check: its verdicts and exit codes, and that it agrees with midstream policy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/formats/npy/npz.h"
#include "tests/e2e/command_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const std::string kOpenPi = std::string(MS_SHARED_DATA) + "/openpi/";

class CheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kOpenPi + "README.md")) GTEST_SKIP() << kOpenPi << " is not there";
    fs::copy(kOpenPi + "pi0_tiny/jax_f32", Path("step"), fs::copy_options::recursive);
    fs::permissions(Path("step"), fs::perms::owner_write, fs::perm_options::add);
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  void WriteStatistics(const std::string& state, const std::string& actions) const {
    std::ofstream(Path("n.json")) << "{\"norm_stats\": {\"state\": " << state
                                  << ", \"actions\": " << actions << "}}";
  }

  // A configuration that says all that a checkpoint does not, of a robot that this one fits.
  std::string WriteConfig(const std::string& more = "") const {
    std::ofstream(Path("c.toml"))
        << "policy.preset = \"pi0_libero\"\npolicy.horizon = 10\npolicy.max_token_len = 16\n"
        << "policy.tokenizer = \"" << kOpenPi << "tokenizer/tiny.model\"\n"
        << more;
    return Path("c.toml");
  }

  CommandResult Check(const std::string& config) const {
    return RunCommand({"check", Path("step"), "--against", config});
  }
  CommandResult Policy(const std::string& config) const {
    const formats::NamedTensors all = *formats::ReadNpz(kOpenPi + "pi0_tiny/policy.npz");
    formats::NamedTensors arrays;
    for (const auto& [key, array] : all) {
      if (key.starts_with("0.obs.")) arrays.emplace_back(key.substr(6), array);
    }
    EXPECT_TRUE(formats::WriteNpz(Path("obs.npz"), arrays).ok());
    return RunCommand({"policy", Path("step"), "--config", config, "--observation", Path("obs.npz"),
                       "--prompt", "go", "--steps", "1"});
  }

  TemporaryFolder folder_;
};

TEST_F(CheckTest, SaysWhatHasToBeTold) {
  const CommandResult nothing = RunCommand({"check", Path("step")});
  EXPECT_EQ(nothing.exit, 0) << nothing.err;
  EXPECT_THAT(nothing.out, HasSubstr("verdict: runs as it is, once it is told what is listed"));
  EXPECT_THAT(nothing.out, HasSubstr("give --horizon"));
  const CommandResult all = Check(WriteConfig());
  EXPECT_EQ(all.exit, 0) << all.err;
  EXPECT_THAT(all.out, HasSubstr("verdict: runs as it is\n"));
  EXPECT_EQ(Policy(Path("c.toml")).exit, 0);
}

// The statistics are those of the configuration, seen from it; what is wrong with them is told in the
// same words by both.
TEST_F(CheckTest, AgreesWithPolicy) {
  const std::string eight = R"({"mean": [0,0,0,0,0,0,0,0], "std": [1,1,1,1,1,1,1,1]})";
  const std::string seven = R"({"mean": [0,0,0,0,0,0,0], "std": [1,1,1,1,1,1,1]})";
  const std::string nine = R"({"mean": [0,0,0,0,0,0,0,0,0], "std": [1,1,1,1,1,1,1,1,1]})";
  const std::string config = WriteConfig("policy.norm_stats = \"n.json\"\n");
  WriteStatistics(eight, seven);
  EXPECT_EQ(Check(config).exit, 0) << Check(config).err;
  EXPECT_EQ(Policy(config).exit, 0) << Policy(config).err;
  const struct {
    std::string state;
    std::string actions;
    const char* verdict;
    const char* told;
  } cases[] = {
      {R"({"mean": [0, 0], "std": [1]})", seven, "is damaged or incomplete",
       "n.json: 'state': 'mean' has 2 numbers and 'std' has 1"},
      {eight, R"({"mean": [NaN], "std": [1]})", "is damaged or incomplete",
       "n.json: 'actions': 'mean': number 0 is nan"},
      {"0", seven, "is damaged or incomplete", "n.json: 'norm_stats.state' is no object"},
      {nine, seven, "needs retraining", "norm_stats has 9 numbers for 'state'"},
      {eight, nine, "needs retraining", "norm_stats has 9 numbers for 'actions'"},
  };
  for (const auto& bad : cases) {
    WriteStatistics(bad.state, bad.actions);
    for (const CommandResult& result : {Check(config), Policy(config)}) {
      EXPECT_EQ(result.exit, 3) << bad.told;
      EXPECT_THAT(result.err, HasSubstr(bad.told));
    }
    EXPECT_THAT(Check(config).out, HasSubstr(std::string("verdict: ") + bad.verdict));
  }
  WriteStatistics(eight, seven);
  const std::string masked =
      WriteConfig("policy.norm_stats = \"n.json\"\npolicy.delta_mask = [9]\n");
  for (const CommandResult& result : {Check(masked), Policy(masked)}) {
    EXPECT_EQ(result.exit, 3);
    EXPECT_THAT(result.err, HasSubstr("policy.delta_mask is for 9 numbers"));
  }
}

TEST_F(CheckTest, TellsOfDamage) {
  for (const auto& entry : fs::recursive_directory_iterator(Path("step/params"))) {
    if (entry.path().parent_path().filename() != "d" || entry.file_size() == 0) continue;
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
    fs::resize_file(entry.path(), entry.file_size() - 1);
  }
  const CommandResult result = RunCommand({"check", Path("step"), "--json"});
  EXPECT_EQ(result.exit, 3);
  EXPECT_EQ(result.json()["verdict"], "damaged");
}

}  // namespace
}  // namespace midstream::e2e
