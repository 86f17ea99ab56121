// midstream run with a package of Python code answers what plain Python answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"
#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

using ::testing::HasSubstr;

// The Python that makes the packages and that runs them. MS_TEST_PYTHON names another than Debian's.
std::string Python() {
  const char* named = std::getenv("MS_TEST_PYTHON");
  return named == nullptr ? "/usr/bin/python3" : named;
}

bool Imports(const std::string& module) {
  return std::system((Python() + " -c 'import " + module + "' 2>/dev/null").c_str()) == 0;
}

class PythonTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(MS_PLUGIN_DIR "/python.so")) {
      GTEST_SKIP() << "built without the plugin python";
    }
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("midstream_python_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_ / "made");
    std::filesystem::create_directories(folder_ / "elsewhere");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Made(const std::string& name) const { return (folder_ / "made" / name).string(); }

  // False: the policy needs a module that is not here.
  bool Make(const std::string& policy) const {
    const std::string script = std::string(MS_SOURCE_DIR) + "/tests/data/python/make.py";
    return std::system(
               (Python() + " '" + script + "' " + policy + " '" + Made("") + "'").c_str()) == 0;
  }

  CommandResult Run(const std::string& package, const std::vector<std::string>& inputs) const {
    std::vector<std::string> args = {
        "run",      package,
        "--config", std::string(MS_SOURCE_DIR) + "/configs/python.toml",
        "--set",    "backends.python.isolation=" + GetParam(),
        "--set",    "backends.python.python=" + Python(),
        "--save",   Saved()};
    for (const std::string& input : inputs) {
      args.insert(args.end(), {"--input", input + "=" + Made(input + ".npy")});
    }
    return RunCommand(args);
  }

  void ExpectAnswers(const std::vector<std::string>& outputs) const {
    for (const std::string& output : outputs) {
      const auto got = formats::ReadNpzMember(Saved(), output);
      const auto want = formats::ReadNpzMember(Made("want.npz"), output);
      ASSERT_TRUE(got.ok()) << got.status().ToString();
      ASSERT_TRUE(want.ok()) << want.status().ToString();
      ASSERT_EQ(got->shape(), want->shape());
      EXPECT_TRUE(BitEqual(*got, *want)) << output;  // the same code on the same numbers
    }
  }

  std::string Saved() const { return (folder_ / "elsewhere" / "answers.npz").string(); }

  std::filesystem::path folder_;
};
INSTANTIATE_TEST_SUITE_P(Isolations, PythonTest, ::testing::Values("shared", "process"));

TEST_P(PythonTest, ANumpyPolicyAnswersAsPlainPython) {
  ASSERT_TRUE(Make("numpy_policy"));
  const CommandResult result = Run(Made("numpy_policy.mspkg"), {"state", "gain"});
  ASSERT_EQ(result.exit, 0) << result.err;
  ExpectAnswers({"action", "value"});
}

TEST_P(PythonTest, APolicyWithoutNumpyAnswersAsPlainPython) {
  ASSERT_TRUE(Make("pure_policy"));
  const CommandResult result = Run(Made("pure_policy.mspkg"), {"state", "gain"});
  ASSERT_EQ(result.exit, 0) << result.err;
  ExpectAnswers({"action", "value"});
}

TEST_P(PythonTest, ATorchModelAnswersAsPlainPython) {
  if (!Imports("torch")) GTEST_SKIP() << Python() << " has no torch";
  ASSERT_TRUE(Make("torch_policy"));
  const CommandResult result = Run(Made("torch_policy.mspkg"), {"image"});
  ASSERT_EQ(result.exit, 0) << result.err;
  ExpectAnswers({"action"});
}

// Made from a copy of the sources that is gone when the package, moved away, is run.
TEST_P(PythonTest, APackageNeedsNothingOfWhereItWasMade) {
  const std::filesystem::path sources = folder_ / "sources";
  std::filesystem::create_directories(sources / "tests" / "data");
  std::filesystem::create_directories(sources / "sdk");
  const auto copy = std::filesystem::copy_options::recursive;
  const std::filesystem::path root = MS_SOURCE_DIR;
  std::filesystem::copy(root / "tests" / "data" / "python", sources / "tests" / "data" / "python",
                        copy);
  std::filesystem::copy(root / "sdk" / "python", sources / "sdk" / "python", copy);
  const std::string script = (sources / "tests" / "data" / "python" / "make.py").string();
  ASSERT_EQ(std::system((Python() + " '" + script + "' numpy_policy '" + Made("") + "'").c_str()),
            0);
  std::filesystem::remove_all(sources);
  const std::string moved = (folder_ / "elsewhere" / "moved.mspkg").string();
  std::filesystem::rename(Made("numpy_policy.mspkg"), moved);
  const CommandResult result = Run(moved, {"state", "gain"});
  ASSERT_EQ(result.exit, 0) << result.err;
  ExpectAnswers({"action", "value"});
}

TEST_P(PythonTest, AMistakeOfTheCallerIsToldInItsTerms) {
  ASSERT_TRUE(Make("numpy_policy"));
  const CommandResult result = Run(Made("numpy_policy.mspkg"), {"state"});
  EXPECT_EQ(result.exit, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("gain"));
}

TEST_P(PythonTest, APackageWithoutTheBackendSaysWhichItNeeds) {
  ASSERT_TRUE(Make("numpy_policy"));
  const CommandResult result = RunCommand({"run", Made("numpy_policy.mspkg")});
  EXPECT_EQ(result.exit, 3);
  EXPECT_THAT(result.err, HasSubstr("need the backend 'python' in plugins.list"));
}

}  // namespace
}  // namespace midstream::e2e
