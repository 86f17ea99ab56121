// What the plugins of this build show to the outside: one symbol, a note, immediate binding.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/plugin_file.h"

namespace midstream {
namespace {

std::vector<std::filesystem::path> Plugins() {
  std::vector<std::filesystem::path> plugins;
  for (const auto& entry : std::filesystem::directory_iterator(MS_PLUGIN_DIR)) {
    if (entry.path().extension() != ".so") continue;
    // What a plugin loads itself, such as the interpreter of python, is called a library.
    if (entry.path().filename().string().rfind("lib", 0) == 0) continue;
    plugins.push_back(entry.path());
  }
  std::sort(plugins.begin(), plugins.end());
  return plugins;
}

std::string OutputOf(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string output;
  std::array<char, 256> buffer;
  while (pipe && fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) {
    output += buffer.data();
  }
  return output;
}

TEST(Exports, ThereArePlugins) { EXPECT_FALSE(Plugins().empty()) << "none in " << MS_PLUGIN_DIR; }

TEST(Exports, APluginShowsOneSymbol) {
  for (const auto& plugin : Plugins()) {
    const std::string symbols =
        OutputOf("nm -D --defined-only --format=just-symbols '" + plugin.string() + "'");
    EXPECT_EQ(symbols, "midstream_backend_query\n") << plugin;
  }
}

TEST(Exports, APluginPassesTheChecksOfItsFile) {
  for (const auto& plugin : Plugins()) {
    const auto file = backend::FindPlugin(plugin.stem().string(), MS_PLUGIN_DIR);
    EXPECT_TRUE(file.ok()) << file.status().ToString();
  }
}

}  // namespace
}  // namespace midstream
