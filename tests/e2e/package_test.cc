// midstream package, and packages where other commands take a model or weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/e2e/command_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PackageTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  static CommandResult Package(std::vector<std::string> args) {
    args.insert(args.begin(), "package");
    return RunCommand(args);
  }
  CommandResult Create(const std::string& name, std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {
        "create",   Path(name),           "--code",  Path("src"),
        "--entry",  "nets.policy:Policy", "--input", "x:float32[batch,4]",
        "--output", "y:float32[batch,2]"};
    args.insert(args.end(), more.begin(), more.end());
    return Package(args);
  }
  void SetUp() override {
    Write("src/nets/policy.py", "import numpy\n\nclass Policy:\n    pass\n");
    Write("src/nets/__init__.py", "");
    Write("src/__pycache__/policy.cpython-311.pyc", "cache");
    Write("src/.git/config", "hidden");
    Write("data/vocab.txt", "a\nb\n");
  }

  TemporaryFolder folder_;
};

TEST_F(PackageTest, IsMadeShownVerifiedAndCompared) {
  const CommandResult made =
      Create("p.mspkg", {"--tensors", DigitsCheckpoint(0), "--data", Path("data"), "--extern",
                         "numpy,json", "--python", "3.10"});
  ASSERT_EQ(made.exit, 0) << made.err;
  EXPECT_THAT(made.out, AllOf(HasSubstr("3 files, 8 tensors"), HasSubstr("may be joined")));
  const auto shown = Package({"inspect", Path("p.mspkg"), "--json"}).json();
  EXPECT_EQ(shown["name"], "p");
  EXPECT_EQ(shown["entry"], "nets.policy:Policy");
  EXPECT_EQ(shown["extern"], nlohmann::json({"json", "numpy"}));
  EXPECT_EQ(shown["inputs"][0]["shape"], nlohmann::json({"batch", 4}));
  EXPECT_EQ(shown["files"].size(), 3u);
  EXPECT_EQ(shown["files"][2]["file"], "data/vocab.txt");
  EXPECT_THAT(Package({"inspect", Path("p.mspkg")}).out,
              AllOf(HasSubstr("Python: 3.10 or later"), HasSubstr("input   x: float32[batch,4]")));
  for (const char* name : {"nets.policy", "code/nets/policy.py"}) {
    EXPECT_EQ(Package({"inspect", Path("p.mspkg"), "--code", name}).out,
              "import numpy\n\nclass Policy:\n    pass\n");
  }
  EXPECT_EQ(Package({"inspect", Path("p.mspkg"), "--code", "nets.x"}).exit, 3);
  EXPECT_THAT(Package({"verify", Path("p.mspkg")}).out, HasSubstr("p.mspkg: good: 3 files"));
  // Its tensors are the checkpoint's.
  EXPECT_EQ(RunCommand({"weights", "diff", Path("p.mspkg"), DigitsCheckpoint(0)}).exit, 0);

  Write("src/nets/policy.py", "import numpy\n\nclass Policy:\n    x = 1\n");
  ASSERT_EQ(
      Create("q.mspkg", {"--tensors", DigitsCheckpoint(100), "--no-batching", "--name", "p"}).exit,
      0);
  EXPECT_EQ(Package({"diff", Path("p.mspkg"), Path("p.mspkg")}).exit, 0);
  const CommandResult differ = Package({"diff", Path("p.mspkg"), Path("q.mspkg")});
  EXPECT_EQ(differ.exit, 1);
  EXPECT_THAT(differ.out,
              AllOf(HasSubstr("batching: 'true' in"), HasSubstr("extern: 'json,numpy' in"),
                    HasSubstr("code/nets/policy.py: 1 lines removed, 1 added\n  -    pass\n  +"),
                    HasSubstr("p.mspkg: data/vocab.txt"), HasSubstr("0 tensors are equal, 8")));
  EXPECT_THAT(differ.out, Not(HasSubstr("name:")));
  const auto json = Package({"diff", Path("p.mspkg"), Path("q.mspkg"), "--json"}).json();
  EXPECT_EQ(json["tensors"]["different"], 8);
}

TEST_F(PackageTest, AnEntryMayLieInsideAClass) {
  const CommandResult made = Create("p.mspkg", {});
  ASSERT_EQ(made.exit, 0) << made.err;
  const auto entry = [&](const std::string& text) {
    return Package({"create", Path("e.mspkg"), "--code", Path("src"), "--entry", text, "--input",
                    "x:float32[batch,4]", "--output", "y:float32[batch,2]"});
  };
  const CommandResult inside = entry("nets.policy:Policy.act");
  ASSERT_EQ(inside.exit, 0) << inside.err;
  EXPECT_EQ(Package({"inspect", Path("e.mspkg"), "--json"}).json()["entry"],
            "nets.policy:Policy.act");
  EXPECT_THAT(entry("nets.policy:Policy.").err, HasSubstr("\"module:name.name\", got"));
}

TEST_F(PackageTest, ExternalModulesAreSeparatedByCommasAndAreNames) {
  ASSERT_EQ(Create("p.mspkg", {"--extern", "numpy, json,", "--extern", "torch"}).exit, 0);
  EXPECT_EQ(Package({"inspect", Path("p.mspkg"), "--json"}).json()["extern"],
            nlohmann::json({"json", "numpy", "torch"}));
  EXPECT_THAT(Create("p.mspkg", {"--extern", "a b"}).err,
              HasSubstr("extern names 'a b', which is no top-level module"));
}

TEST_F(PackageTest, LinksAreFollowedInsideTheFolderOnly) {
  namespace fs = std::filesystem;
  Write("secret.py", "KEY = 1\n");
  fs::create_symlink("policy.py", Path("src/nets/alias.py"));
  ASSERT_EQ(Create("p.mspkg").exit, 0);
  EXPECT_EQ(Package({"inspect", Path("p.mspkg"), "--code", "nets.alias"}).out,
            Package({"inspect", Path("p.mspkg"), "--code", "nets.policy"}).out);
  fs::remove(Path("p.mspkg"));
  const auto refused = [&](const std::string& target, const std::string& why) {
    fs::create_symlink(target, Path("src/nets/link.py"));
    const CommandResult made = Create("p.mspkg");
    EXPECT_EQ(made.exit, 3);
    EXPECT_THAT(made.err, AllOf(HasSubstr("src/nets/link.py"), HasSubstr(why)));
    EXPECT_FALSE(fs::exists(Path("p.mspkg")));
    fs::remove(Path("src/nets/link.py"));
  };
  refused("../../secret.py", "secret.py, which leads out of the folder");
  refused("..", "src, a folder, which is not followed");
  refused("gone.py", "a link: No such file");
}

// As plain Python, which never takes these from a file.
TEST_F(PackageTest, ModulesThatPythonHasBuiltInAreLeftOut) {
  for (const char* name : {"time.py", "os/path.py", "queue.py", "nets/io.py", "site/index.html"}) {
    Write(std::string("src/") + name, "");
  }
  const CommandResult made = Create("p.mspkg");
  ASSERT_EQ(made.exit, 0) << made.err;
  EXPECT_THAT(made.out, AllOf(HasSubstr("left out: code/time.py (the module of that name that"),
                              HasSubstr("left out: code/os/path.py")));
  const auto json = Create("p.mspkg", {"--json"}).json();
  EXPECT_EQ(json["left_out"], nlohmann::json({"code/os/path.py", "code/time.py"}));
  EXPECT_EQ(json["files"], 5);
}

TEST_F(PackageTest, AnArchiveOfTorchIsConvertedWithoutRunningIt) {
  const std::string archive = std::string(MS_TEST_DATA) + "/package/module.pt";
  const CommandResult made =
      Package({"create", Path("net.mspkg"), "--from-torch", archive, "--entry", "smallnet:Net",
               "--input", "x:float32[batch,3]", "--output", "y:float32[batch,2]"});
  ASSERT_EQ(made.exit, 0) << made.err;
  const auto shown = Package({"inspect", Path("net.mspkg"), "--json"}).json();
  EXPECT_EQ(shown["extern"], nlohmann::json({"builtins", "collections", "torch"}));
  EXPECT_EQ(shown["tensors"][0]["name"], "blocks.0.fc.bias");
  EXPECT_EQ(shown["tensors"].size(), 17u);
  const CommandResult other = Package(
      {"create", Path("net.mspkg"), "--from-torch",
       std::string(MS_TEST_DATA) + "/package/tensors.pt", "--pickle", "weights/more.pkl", "--entry",
       "smallnet:Net", "--input", "x:float32[batch,3]", "--output", "y:float32[batch,2]"});
  EXPECT_EQ(other.exit, 0) << other.err;
  EXPECT_THAT(other.out, HasSubstr("left out: config/sizes.pkl (a pickle"));
}

TEST_F(PackageTest, MistakesAreNamed) {
  EXPECT_EQ(Package({"create", Path("p.mspkg"), "--entry", "a:b", "--input", "x:float32",
                     "--output", "y:float32"})
                .exit,
            2);
  EXPECT_EQ(Create("p.zip").exit, 2);
  EXPECT_EQ(Create("p.mspkg", {"--pickle", "a.pkl"}).exit, 2);
  EXPECT_THAT(Create("p.mspkg", {"--output", "z:float32[n]"}).err,
              HasSubstr("dimension 'n' of output 'z' is in no input"));
  EXPECT_EQ(Create("p.mspkg", {"--output", "z:float32[n]"}).exit, 3);
  Write("src/nets/fast.so", "ELF");
  EXPECT_THAT(Create("p.mspkg").err, HasSubstr("fast.so is a compiled extension"));
  EXPECT_FALSE(std::filesystem::exists(Path("p.mspkg")));
  std::filesystem::remove(Path("src/nets/fast.so"));
  ASSERT_EQ(Create("p.mspkg").exit, 0);
  Write("bad.mspkg", "no zip");
  const CommandResult verified = Package({"verify", Path("bad.mspkg"), Path("p.mspkg")});
  EXPECT_EQ(verified.exit, 3);
  EXPECT_THAT(verified.err, HasSubstr("bad.mspkg: is no package: it has 6 bytes"));
  EXPECT_THAT(verified.out, HasSubstr("p.mspkg: good"));
  EXPECT_EQ(Package({"diff", Path("bad.mspkg"), Path("p.mspkg")}).exit, 3);
  for (const char* command : {"inspect", "run"}) {
    EXPECT_EQ(RunCommand({command, Path("bad.mspkg")}).exit, 3) << command;
  }
  EXPECT_THAT(RunCommand({"inspect", Path("p.mspkg")}).out,
              AllOf(HasSubstr("x  float32  [?,4]"), HasSubstr("midstream.PythonModel  1")));
}

}  // namespace
}  // namespace midstream::e2e
