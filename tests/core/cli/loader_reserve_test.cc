#include "core/cli/loader_reserve.h"

#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

Config WithPlugins(std::vector<std::string> plugins) {
  Config config = config::DefaultConfig();
  config.plugins.list = std::move(plugins);
  return config;
}

constexpr const char* kWanted = "glibc.rtld.nns=16:glibc.rtld.optional_static_tls=65536";

TEST(LoaderReserveTest, InterpretersOfThisProcessNeedRoom) {
  EXPECT_EQ(LoaderTunables(WithPlugins({"python", "reference"}), nullptr), kWanted);
  EXPECT_EQ(LoaderTunables(WithPlugins({"/opt/midstream/python.so"}), ""), kWanted);
}

TEST(LoaderReserveTest, OtherBackendsAndWorkerProcessesDoNot) {
  EXPECT_EQ(LoaderTunables(WithPlugins({"cpu_blas", "reference"}), nullptr), std::nullopt);
  Config config = WithPlugins({"python"});
  config.backends["python"]["isolation"] = "process";
  EXPECT_EQ(LoaderTunables(config, nullptr), std::nullopt);
  config.backends["python"]["isolation"] = "shared";
  EXPECT_EQ(LoaderTunables(config, nullptr), kWanted);
}

TEST(LoaderReserveTest, WhatTheUserHasSetStays) {
  const Config config = WithPlugins({"python"});
  EXPECT_EQ(LoaderTunables(config, "glibc.rtld.nns=4"), std::nullopt);
  EXPECT_EQ(LoaderTunables(config, kWanted), std::nullopt);
  EXPECT_EQ(LoaderTunables(config, "glibc.malloc.check=3"),
            std::string("glibc.malloc.check=3:") + kWanted);
}

}  // namespace
}  // namespace midstream::cli
