// Where packages come from: an environment (venv) as `python` or as `site`, a plain folder, and what
// worker processes share by `preload`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plugins/python/libpython.h"
#include "tests/plugins/python/python_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// An environment of the distribution's Python, with the module `gripper`, and one in a folder that
// a .pth file there names.
class PythonEnvironment : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "shared" && !kSharedWorks) GTEST_SKIP() << "under ThreadSanitizer";
    folder_ = testing::TempDir() + "python_environment_" + std::to_string(getpid());
    std::filesystem::create_directories(folder_ + "/elsewhere");
    const std::string make = "/usr/bin/python3 -m venv --without-pip " + environment();
    ASSERT_EQ(std::system(make.c_str()), 0) << make;
    packages_ = environment() + "/lib/python" + python::FindPython("").minor() + "/site-packages";
    Write(packages_ + "/gripper.py", "import os\nwidth = 7\nimported_in = os.getpid()\n");
    Write(packages_ + "/more.pth", folder_ + "/elsewhere\n");
    Write(folder_ + "/elsewhere/elbow.py", "angle = 8\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string environment() const { return folder_ + "/env"; }
  const std::string& packages() const { return packages_; }
  const std::string& folder() const { return folder_; }

  // What a model that imports both modules answers.
  Result<std::vector<float>> Answer(Options options) const {
    options.push_back({"isolation", GetParam()});
    options.push_back({"interpreters", "1"});
    MS_ASSIGN_OR_RETURN(auto device, OpenPython(options));
    const PythonModel model{.code =
                                "import os\nimport gripper, elbow\n"
                                "def run(x):\n"
                                "  here = gripper.imported_in == os.getpid()\n"
                                "  return [gripper.width, elbow.angle, here]\n",
                            .output_shape = "3",
                            .externs = {"gripper", "elbow"}};
    MS_ASSIGN_OR_RETURN(auto loaded, Loaded::Create(device, model, Floats({1}, {0})));
    return loaded.Run();
  }

 private:
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }

  std::string folder_;
  std::string packages_;
};

TEST_P(PythonEnvironment, IsFoundAsPythonAsSiteOrAsAFolder) {
  for (const Options& options :
       {Options{{"python", environment()}}, Options{{"python", environment() + "/bin/python3"}},
        Options{{"site", environment()}}, Options{{"site", packages()}}}) {
    const auto answer = Answer(options);
    ASSERT_TRUE(answer.ok()) << options[0].second << ": " << answer.status().ToString();
    EXPECT_THAT(*answer, ElementsAre(7, 8, 1)) << options[0].first << " " << options[0].second;
  }
}

TEST_P(PythonEnvironment, ThatDoesNotHaveAModuleIsNamed) {
  EXPECT_THAT(Answer({}).status().ToString(),
              HasSubstr("'gripper' is declared as external, but Python"));
  EXPECT_THAT(Answer({{"site", folder() + "/nowhere"}}).status().ToString(),
              HasSubstr("option site of python is '" + folder() +
                        "/nowhere'; expected the absolute path of a folder that exists"));
}

TEST_P(PythonEnvironment, IsImportedOnceForAllWorkersByPreload) {
  if (GetParam() == "shared") GTEST_SKIP() << "worker processes only";
  const auto answer = Answer({{"site", environment()}, {"preload", "gripper"}});
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_THAT(*answer, ElementsAre(7, 8, 0));  // by the process that the worker is forked from
  EXPECT_THAT(Answer({{"site", environment()}, {"preload", "gripper,wrist"}}).status().ToString(),
              HasSubstr("preload of 'wrist': ModuleNotFoundError: No module named 'wrist'"));
}

INSTANTIATE_TEST_SUITE_P(Isolation, PythonEnvironment,
                         testing::Values<std::string>("shared", "process"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace midstream::plugin_testing
