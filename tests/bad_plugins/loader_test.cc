// What happens to a plugin that breaks a rule: each fixture is refused with its code and one
// sentence that names the file and the cause, and this process goes on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/backend/host.h"
#include "core/backend/registry.h"
#include "core/base/file.h"

namespace midstream::backend {
namespace {

using config::ProbeMode;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

Config ConfigFor(const std::string& listed, ProbeMode probe = ProbeMode::kAlways) {
  Config config;
  config.backend = "auto";
  config.plugins.dir = MS_BAD_PLUGIN_DIR;
  config.plugins.list = {listed};
  config.plugins.probe = probe;
  return config;
}

// Why the plugin is refused; OK when it loads.
Status Refusal(const Config& config) {
  const Registry registry = LoadPlugins(config, ProcessHost());
  if (registry.failures().empty()) return OkStatus();
  EXPECT_THAT(registry.plugins(), IsEmpty());
  EXPECT_THAT(registry.failures(), SizeIs(1));
  EXPECT_EQ(registry.failures()[0].plugin, config.plugins.list[0]);
  return registry.failures()[0].status;
}

std::string Path(const std::string& name) { return MS_BAD_PLUGIN_DIR "/" + name + ".so"; }

struct Case {
  const char* plugin;
  Code code;
  const char* message;  // after the path and a space
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.plugin; }

std::string CaseName(const testing::TestParamInfo<Case>& info) { return info.param.plugin; }

void ExpectRefusal(const Case& c, ProbeMode probe) {
  const Status status = Refusal(ConfigFor(c.plugin, probe));
  EXPECT_EQ(status.code(), c.code) << status.ToString();
  EXPECT_EQ(status.message(), Path(c.plugin) + " " + c.message);
}

// Refused from the file alone or from the descriptor: the probe makes no difference.
class BadPlugin : public testing::TestWithParam<Case> {};

TEST_P(BadPlugin, IsRefusedByTheProbe) { ExpectRefusal(GetParam(), ProbeMode::kAlways); }
TEST_P(BadPlugin, IsRefusedWithoutTheProbe) { ExpectRefusal(GetParam(), ProbeMode::kOff); }

INSTANTIATE_TEST_SUITE_P(
    All, BadPlugin,
    testing::Values(
        Case{"no_note", Code::kInvalidArgument,
             "has no .note.midstream note, so it is not a Midstream plugin"},
        Case{"bad_name", Code::kInvalidArgument,
             "has a note without a legal plugin name ([a-z0-9_]{1,64})"},
        Case{"other_major", Code::kFailedPrecondition,
             "was built for backend ABI 2.1, this host has 1.1"},
        Case{"lazy", Code::kInvalidArgument,
             "resolves symbols only when they are called; link it with -Wl,-z,now"},
        Case{"no_symbol", Code::kNotFound, "does not export the symbol midstream_backend_query"},
        Case{"wrong_magic", Code::kInvalidArgument,
             "has a descriptor that does not begin with \"MIDSTRM\""},
        Case{"descriptor_major", Code::kFailedPrecondition,
             "has a descriptor of ABI 2.1, this host has 1.1"},
        Case{"short_plugin", Code::kInvalidArgument,
             "has a descriptor (ms_plugin) of 64 bytes, at least 88 are needed"},
        Case{"short_table", Code::kInvalidArgument,
             "has a function table (ms_backend) of 64 bytes, at least 208 are needed"},
        Case{"null_table", Code::kInvalidArgument, "lacks the function table (backend)"},
        Case{"null_slot", Code::kInvalidArgument, "lacks the mandatory entry weights_seal"},
        Case{"null_startup", Code::kInvalidArgument, "lacks the mandatory entry startup"},
        Case{"other_name", Code::kInvalidArgument,
             "is called \"somebody_else\" in its descriptor but \"other_name\" in its note"},
        Case{"null_name", Code::kInvalidArgument,
             "has a descriptor without a legal plugin name ([a-z0-9_]{1,64})"},
        Case{"odd_version", Code::kInvalidArgument,
             "has a version that is no printable text of at most 256 bytes"},
        Case{"serves_nobody", Code::kFailedPrecondition, "says that it cannot serve ABI 1.1"},
        Case{"fail_startup", Code::kUnavailable, "failed in startup: the fan is missing"},
        Case{"fail_silently", Code::kInternal, "failed in startup with code 13 and no explanation"},
        Case{"throw_startup", Code::kInternal, "threw an exception out of startup"}),
    CaseName);

// Only a child process can survive these.
class DeadlyPlugin : public testing::TestWithParam<Case> {};

TEST_P(DeadlyPlugin, DiesInTheProbe) { ExpectRefusal(GetParam(), ProbeMode::kAlways); }

INSTANTIATE_TEST_SUITE_P(
    All, DeadlyPlugin,
    testing::Values(
        Case{"crash_constructor", Code::kInternal,
             "cannot be used, its probe died: signal 11 (SIGSEGV) in the loading of the library"},
        Case{"abort_query", Code::kInternal,
             "cannot be used, its probe died: signal 6 (SIGABRT) in midstream_backend_query"},
        Case{"exit_query", Code::kInternal,
             "cannot be used, its probe died: exit code 7 in midstream_backend_query"},
        Case{"crash_device", Code::kInternal,
             "cannot be used, its probe died: signal 6 (SIGABRT) in device_open"}),
    CaseName);

TEST(Loader, StopsAPluginThatHangs) {
  Config config = ConfigFor("hang_startup");
  config.plugins.probe_timeout_ms = 800;
  const Status status = Refusal(config);
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(status.message(),
            Path("hang_startup") + " did not finish its probe within 800 ms: it stayed in startup");
}

TEST(Loader, NamesAnUndefinedSymbol) {
  for (const ProbeMode probe : {ProbeMode::kAlways, ProbeMode::kOff}) {
    const Status status = Refusal(ConfigFor("undefined_symbol", probe));
    EXPECT_EQ(status.code(), Code::kFailedPrecondition);
    EXPECT_EQ(status.message(), Path("undefined_symbol") +
                                    " cannot be loaded: " + Path("undefined_symbol") +
                                    ": undefined symbol: a_function_that_nobody_has");
  }
}

TEST(Loader, MapsACodeOutsideTheListToUnknown) {
  const Status status = Refusal(ConfigFor("odd_code"));
  EXPECT_EQ(status.code(), Code::kUnknown);
  EXPECT_EQ(status.message(), Path("odd_code") + " failed in startup: " + std::string(496, 'x'));
}

TEST(Loader, RefusesAnotherSanitizer) {
  const Status status = Refusal(ConfigFor("sanitized"));
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              StartsWith(Path("sanitized") + " was built with an unknown sanitizer, this host"));
}

TEST(Loader, LoadsANewerMinor) {
  const Registry registry = LoadPlugins(ConfigFor("newer_minor"), ProcessHost());
  ASSERT_THAT(registry.plugins(), SizeIs(1)) << registry.failures()[0].status.ToString();
  EXPECT_EQ(registry.plugins()[0].abi_minor, 7);
}

// Files that no compiler makes: copies of a good plugin, damaged.
class DamagedFile : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "ms_damaged_" + std::to_string(getpid());
    std::filesystem::create_directories(dir_);
    auto good = ReadFile(Path("good"), 16 << 20);
    ASSERT_TRUE(good.ok()) << good.status().ToString();
    good_ = *std::move(good);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string Write(const std::string& bytes, const std::string& name = "good") {
    const std::string path = dir_ + "/" + name + ".so";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  // The plugin in the folder of this test, by its name.
  Status RefusalOf(const std::string& listed) {
    Config config = ConfigFor(listed);
    config.plugins.dir = dir_;
    return Refusal(config);
  }
  void Expect(const std::string& listed, Code code, const std::string& message) {
    const Status status = RefusalOf(listed);
    EXPECT_EQ(status.code(), code) << status.ToString();
    EXPECT_EQ(status.message(), message);
  }

  std::string dir_;
  std::string good_;
};

TEST_F(DamagedFile, ACopyLoads) {
  Write(good_);
  EXPECT_TRUE(RefusalOf("good").ok()) << RefusalOf("good").ToString();
}

TEST_F(DamagedFile, IsMissing) {
  Expect("good", Code::kNotFound, dir_ + "/good.so: No such file or directory");
  Expect("/nowhere/good.so", Code::kNotFound, "/nowhere/good.so: No such file or directory");
}

TEST_F(DamagedFile, IsADirectory) {
  std::filesystem::create_directories(dir_ + "/good.so");
  Expect("good", Code::kInvalidArgument, dir_ + "/good.so is a directory, not a plugin");
}

TEST_F(DamagedFile, IsAPipe) {
  ASSERT_EQ(mkfifo((dir_ + "/good.so").c_str(), 0600), 0);
  Expect("good", Code::kInvalidArgument, dir_ + "/good.so is not a regular file");
}

TEST_F(DamagedFile, MayBeWrittenByEveryone) {
  const std::string path = Write(good_);
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  Expect("good", Code::kPermissionDenied,
         path + " may be written by every user, so it is not loaded; remove that permission");
}

TEST_F(DamagedFile, IsNoElfFile) {
  for (const char* text : {"", "\x7f", "#!/bin/sh\nexit 0\n"}) {
    const std::string path = Write(text);
    Expect("good", Code::kInvalidArgument, path + " is not an ELF shared library");
  }
}

TEST_F(DamagedFile, IsForAnotherMachine) {
  std::string bytes = good_;
  bytes[18] = static_cast<char>(243);  // e_machine
  bytes[19] = 0;
  const std::string path = Write(bytes);
  const Status status = RefusalOf("good");
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              StartsWith(path + " was built for RISC-V, this process needs "));
}

TEST_F(DamagedFile, Has32Bits) {
  std::string bytes = good_;
  bytes[4] = 1;  // EI_CLASS
  const std::string path = Write(bytes);
  Expect("good", Code::kInvalidArgument, path + " is not a 64-bit library");
}

TEST_F(DamagedFile, IsAnExecutableNotALibrary) {
  std::string bytes = good_;
  bytes[16] = 2;  // e_type: ET_EXEC
  const std::string path = Write(bytes);
  Expect("good", Code::kInvalidArgument, path + " is not an ELF shared library");
}

TEST_F(DamagedFile, HasAnotherNameThanItsFile) {
  const std::string path = Write(good_, "renamed");
  Expect("renamed", Code::kInvalidArgument, path + " carries the plugin \"good\", not \"renamed\"");
}

TEST_F(DamagedFile, IsTruncated) {
  for (const size_t size : {good_.size() - 1, good_.size() / 2, size_t{700}, size_t{100}}) {
    const std::string path = Write(good_.substr(0, size));
    Expect("good", Code::kInvalidArgument,
           path + " is damaged: its " + (size == 100 ? "segment" : "section") +
               " table does not lie within the file");
  }
}

TEST_F(DamagedFile, IsNamedRelativeToNothing) {
  // A relative path is not searched for anywhere; the configuration refuses it before.
  Expect("../good", Code::kNotFound, dir_ + "/../good.so: No such file or directory");
}

}  // namespace
}  // namespace midstream::backend
