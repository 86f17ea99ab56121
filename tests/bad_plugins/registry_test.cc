// Which plugins a configuration loads, how often they are started, and how registries share them.

#include "core/backend/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/backend/host.h"
#include "core/backend/plugin_file.h"
#include "core/backend/probe_cache.h"
#include "core/base/log.h"

namespace midstream::backend {
namespace {

using config::ProbeMode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Config ConfigFor(std::vector<std::string> list) {
  Config config;
  config.backend = "auto";
  config.plugins.dir = MS_BAD_PLUGIN_DIR;
  config.plugins.list = std::move(list);
  return config;
}

std::vector<std::string> Names(const Registry& registry) {
  std::vector<std::string> names;
  for (const LoadedPlugin& plugin : registry.plugins()) names.push_back(plugin.name);
  return names;
}

// Collects what plugins log; the fixtures log their startup and shutdown.
class PluginRegistry : public testing::Test {
 protected:
  void SetUp() override {
    SetLogSink(
        [this](LogLevel, std::string_view text) {
          const std::lock_guard lock(mutex_);
          if (text.starts_with("good ")) lines_.emplace_back(text);
        },
        LogLevel::kInfo);
  }
  void TearDown() override { SetLogSink(nullptr); }

  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(PluginRegistry, DescribesWhatItLoaded) {
  const Registry registry = LoadPlugins(ConfigFor({"good"}), ProcessHost());
  ASSERT_THAT(registry.plugins(), SizeIs(1)) << registry.failures()[0].status.ToString();
  const LoadedPlugin& good = registry.plugins()[0];
  EXPECT_EQ(good.name, "good");
  EXPECT_EQ(good.version, "1.0 of the tests");
  EXPECT_EQ(good.path, MS_BAD_PLUGIN_DIR "/good.so");
  EXPECT_EQ(good.abi_major, MS_ABI_MAJOR);
  EXPECT_EQ(good.abi_minor, MS_ABI_MINOR);
  EXPECT_EQ(registry.Find("good"), &good);
  EXPECT_EQ(registry.Find("goo"), nullptr);
  EXPECT_THAT(registry.failures(), IsEmpty());
}

TEST_F(PluginRegistry, StartsAndStopsInPairs) {
  {
    const Registry first = LoadPlugins(ConfigFor({"good"}), ProcessHost());
    const Registry second = LoadPlugins(ConfigFor({"good"}), ProcessHost());
    EXPECT_EQ(first.plugins()[0].plugin, second.plugins()[0].plugin);
    EXPECT_THAT(lines_, ElementsAre("good starts"));
    Registry moved = LoadPlugins(ConfigFor({"good"}), ProcessHost());
    const Registry target = std::move(moved);
    EXPECT_THAT(Names(target), ElementsAre("good"));
  }
  EXPECT_THAT(lines_, ElementsAre("good starts", "good stops"));
  { const Registry again = LoadPlugins(ConfigFor({"good"}), ProcessHost()); }
  EXPECT_THAT(lines_, ElementsAre("good starts", "good stops", "good starts", "good stops"));
}

TEST_F(PluginRegistry, KeepsOneHostWhileStarted) {
  const Registry first = LoadPlugins(ConfigFor({"good"}), ProcessHost());
  static const ms_host other = *ProcessHost();
  const Registry second = LoadPlugins(ConfigFor({"good"}), &other);
  EXPECT_THAT(second.plugins(), IsEmpty());
  ASSERT_THAT(second.failures(), SizeIs(1));
  EXPECT_EQ(second.failures()[0].status.message(),
            MS_BAD_PLUGIN_DIR "/good.so is in use with another host in this process");
}

TEST_F(PluginRegistry, GoesOnAfterAFailure) {
  const Registry registry =
      LoadPlugins(ConfigFor({"null_slot", "good", "absent", "newer_minor"}), ProcessHost());
  EXPECT_THAT(Names(registry), ElementsAre("good", "newer_minor"));
  ASSERT_THAT(registry.failures(), SizeIs(2));
  EXPECT_EQ(registry.failures()[0].plugin, "null_slot");
  EXPECT_EQ(registry.failures()[1].plugin, "absent");
  EXPECT_EQ(registry.WhyMissing("absent").message(),
            MS_BAD_PLUGIN_DIR "/absent.so: No such file or directory");
  EXPECT_THAT(std::string(registry.WhyMissing("other").message()),
              HasSubstr("no plugin is called \"other\""));
}

TEST_F(PluginRegistry, LoadsWhatBackendAndOrderName) {
  Config config = ConfigFor({MS_BAD_PLUGIN_DIR "/newer_minor.so"});
  config.backend = "good";
  config.placement.order = {"good", "newer_minor", "absent"};
  const Registry registry = LoadPlugins(config, ProcessHost());
  EXPECT_THAT(Names(registry), ElementsAre("newer_minor", "good"));
  EXPECT_THAT(registry.failures(), SizeIs(1));
  EXPECT_THAT(lines_, ElementsAre("good starts"));
}

TEST_F(PluginRegistry, ReportsEachPluginOnce) {
  Config config = ConfigFor({"good", MS_BAD_PLUGIN_DIR "/good.so", "absent"});
  config.backend = "absent";
  config.placement.order = {"absent"};
  const Registry registry = LoadPlugins(config, ProcessHost());
  EXPECT_THAT(Names(registry), ElementsAre("good"));
  EXPECT_THAT(registry.failures(), SizeIs(1));
}

TEST_F(PluginRegistry, RefusesTwoFilesOfOneName) {
  const std::string copy = testing::TempDir() + "ms_copy_" + std::to_string(getpid()) + ".so";
  std::filesystem::copy_file(MS_BAD_PLUGIN_DIR "/good.so", copy,
                             std::filesystem::copy_options::overwrite_existing);
  const Registry registry = LoadPlugins(ConfigFor({"good", copy}), ProcessHost());
  std::filesystem::remove(copy);
  EXPECT_THAT(Names(registry), ElementsAre("good"));
  ASSERT_THAT(registry.failures(), SizeIs(1));
  EXPECT_EQ(registry.failures()[0].status.code(), Code::kAlreadyExists);
  EXPECT_EQ(registry.failures()[0].status.message(),
            copy + " has the name \"good\" of a plugin that is already loaded, " MS_BAD_PLUGIN_DIR
                   "/good.so");
}

TEST_F(PluginRegistry, SharesBetweenThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int round = 0; round < 5; ++round) {
        const Registry registry =
            LoadPlugins(ConfigFor({"good", "null_slot", "newer_minor"}), ProcessHost());
        EXPECT_THAT(Names(registry), ElementsAre("good", "newer_minor"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(lines_.size() % 2, 0u);
  for (size_t i = 0; i < lines_.size(); ++i) {
    EXPECT_EQ(lines_[i], i % 2 == 0 ? "good starts" : "good stops");
  }
}

TEST_F(PluginRegistry, HasNoPluginsWithoutAFolder) {
  Config config = ConfigFor({"good"});
  config.plugins.dir = "/nowhere";
  EXPECT_THAT(LoadPlugins(config, ProcessHost()).plugins(), IsEmpty());
}

TEST(PluginDir, IsTheOneOfTheBuild) {
  EXPECT_EQ(DefaultPluginDir(), MS_PLUGIN_DIR);
  const auto configured = PluginDir("/opt/plugins");
  ASSERT_TRUE(configured.ok());
  EXPECT_EQ(*configured, "/opt/plugins");
  const auto helper = ProbeHelper("/nowhere");
  ASSERT_TRUE(helper.ok()) << helper.status().ToString();
  EXPECT_EQ(*helper, MS_PLUGIN_DIR "/midstream_probe");
}

class ProbeCache : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "ms_cache_" + std::to_string(getpid());
    std::filesystem::create_directories(dir_);
    setenv("XDG_CACHE_HOME", dir_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("XDG_CACHE_HOME");
    std::filesystem::remove_all(dir_);
  }
  std::string dir_;
};

TEST_F(ProbeCache, RemembersOneStateOfTheFile) {
  const std::string plugin = dir_ + "/plugin.so";
  const std::string helper = MS_PLUGIN_DIR "/midstream_probe";
  std::filesystem::copy_file(MS_BAD_PLUGIN_DIR "/good.so", plugin);
  EXPECT_FALSE(PassedProbeBefore(plugin, helper));
  RememberPassedProbe(plugin, helper);
  EXPECT_TRUE(PassedProbeBefore(plugin, helper));
  EXPECT_FALSE(PassedProbeBefore(plugin, MS_BAD_PLUGIN_DIR "/good.so")) << "another probe";
  std::filesystem::last_write_time(
      plugin, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_FALSE(PassedProbeBefore(plugin, helper)) << "the file changed";
  std::filesystem::remove(plugin);
  EXPECT_FALSE(PassedProbeBefore(plugin, helper));
}

TEST_F(ProbeCache, NeverRemembersARefusal) {
  Config config = ConfigFor({"abort_query"});
  config.plugins.probe = ProbeMode::kCached;
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(LoadPlugins(config, ProcessHost()).failures(), SizeIs(1));
  }
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/midstream"));
}

TEST_F(ProbeCache, WorksWithoutAFolder) {
  setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
  RememberPassedProbe(MS_BAD_PLUGIN_DIR "/good.so", MS_PLUGIN_DIR "/midstream_probe");
  EXPECT_FALSE(PassedProbeBefore(MS_BAD_PLUGIN_DIR "/good.so", MS_PLUGIN_DIR "/midstream_probe"));
}

}  // namespace
}  // namespace midstream::backend
