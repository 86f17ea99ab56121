// Includes point one way: sdk/include <- base <- config, graph <- formats, passes, backend
// <- models, sources, measure, plan <- weights <- session <- serve <- engine <- policy, compare <- cli. Plugins see
// sdk/include and their own folder. Some libraries are seen by one file only.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace midstream {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = MS_SOURCE_DIR;

// A folder of core/ may include itself and every folder of a lower level.
const std::map<std::string, int> kLevels = {
    {"base", 0},    {"config", 1},  {"graph", 1},   {"formats", 2}, {"models", 3},  {"passes", 2},
    {"backend", 2}, {"sources", 3}, {"measure", 3}, {"plan", 3},    {"weights", 4}, {"session", 5},
    {"serve", 6},   {"engine", 7},  {"policy", 8},  {"compare", 8}, {"cli", 9}};

struct Include {
  std::string file;  // relative to the root
  int line = 0;
  std::string name;
  bool quoted = false;
};

bool IsSource(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".h" || extension == ".hpp" || extension == ".cc" || extension == ".c" ||
         extension == ".inc";
}

std::vector<Include> IncludesBelow(const std::string& folder) {
  std::vector<Include> includes;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    if (!entry.is_regular_file() || !IsSource(entry.path())) continue;
    std::ifstream file(entry.path());
    std::string text;
    for (int line = 1; std::getline(file, text); ++line) {
      const size_t hash = text.find_first_not_of(" \t");
      if (hash == std::string::npos || text[hash] != '#') continue;
      const size_t word = text.find_first_not_of(" \t", hash + 1);
      if (word == std::string::npos || text.compare(word, 7, "include") != 0) continue;
      const size_t open = text.find_first_of("\"<", word + 7);
      if (open == std::string::npos) continue;
      const bool quoted = text[open] == '"';
      const size_t close = text.find(quoted ? '"' : '>', open + 1);
      includes.push_back({fs::relative(entry.path(), kRoot).string(), line,
                          text.substr(open + 1, close - open - 1), quoted});
    }
  }
  return includes;
}

// "core/plan/x.h" -> "plan"; "" when the path is not in a folder of core.
std::string CoreFolder(const std::string& path) {
  if (path.rfind("core/", 0) != 0) return "";
  const size_t end = path.find('/', 5);
  return end == std::string::npos ? "" : path.substr(5, end - 5);
}

// The name as a path from the root, for names that are found through an include folder.
std::string FromRoot(const std::string& name) {
  for (const char* folder : {"sdk/include", "core/engine/include"}) {
    if (fs::exists(kRoot / folder / name)) return std::string(folder) + "/" + name;
  }
  return name;
}

// What is wrong with an include of a file in core/; "" when nothing is.
std::string CoreViolation(const std::string& file, const std::string& name) {
  const std::string target = FromRoot(name);
  if (target.rfind("sdk/include/", 0) == 0) return "";
  const std::string from = CoreFolder(file);
  const std::string to = CoreFolder(target);
  if (kLevels.count(from) == 0) return "the folder core/" + from + " has no level";
  if (kLevels.count(to) == 0) return "is not a path from the root of the repository";
  if (from == to || kLevels.at(to) < kLevels.at(from)) return "";
  return "core/" + from + " must not include core/" + to;
}

// The same for a file in plugins/NAME/.
std::string PluginViolation(const std::string& file, const std::string& name) {
  const std::string own = file.substr(0, file.find('/', sizeof("plugins/") - 1) + 1);
  if (name.rfind(own, 0) == 0) return "";
  if (FromRoot(name).rfind("sdk/include/", 0) == 0) return "";
  // Some plugins have their own folder as an include folder.
  if (fs::exists(kRoot / own / name) && name.find("..") == std::string::npos) return "";
  return "a plugin sees sdk/include and its own folder only";
}

std::string Where(const Include& include) {
  return include.file + ":" + std::to_string(include.line) + ": " + include.name + ": ";
}

TEST(Includes, OfCorePointOneWay) {
  const auto includes = IncludesBelow("core");
  EXPECT_GT(includes.size(), 100u) << "the scan finds nothing";
  for (const Include& include : includes) {
    if (!include.quoted) continue;
    const std::string violation = CoreViolation(include.file, include.name);
    EXPECT_EQ(violation, "") << Where(include);
  }
}

TEST(Includes, OfPluginsStayInside) {
  const auto includes = IncludesBelow("plugins");
  EXPECT_FALSE(includes.empty()) << "the scan finds nothing";
  for (const Include& include : includes) {
    EXPECT_NE(include.name.rfind("core/", 0), 0u) << Where(include);
    if (!include.quoted) continue;
    EXPECT_EQ(PluginViolation(include.file, include.name), "") << Where(include);
  }
}

TEST(Includes, OfTheSdkStayInside) {
  for (const Include& include : IncludesBelow("sdk/include")) {
    if (include.file == "sdk/include/midstream/backend.h") {
      EXPECT_TRUE(include.name == "stddef.h" || include.name == "stdint.h") << Where(include);
    }
    const bool found = fs::exists(kRoot / "sdk/include" / include.name);
    EXPECT_TRUE(!include.quoted || found) << Where(include);
  }
}

TEST(Includes, OfThePythonBindingKnowTheCApiAlone) {
  const auto includes = IncludesBelow("sdk/python");
  EXPECT_FALSE(includes.empty()) << "the scan finds nothing";
  for (const Include& include : includes) {
    const bool own = include.name.rfind("sdk/python/", 0) == 0;
    EXPECT_TRUE(!include.quoted || own || include.name == "midstream/midstream.h")
        << Where(include);
  }
}

TEST(Includes, OfSomeLibrariesAreInOneFile) {
  for (const Include& include : IncludesBelow("core")) {
    if (include.name.rfind("toml++", 0) == 0) {
      EXPECT_EQ(include.file, "core/config/reader.cc") << Where(include);
    }
    if (include.name == "ltdl.h") {
      EXPECT_EQ(include.file, "core/backend/loader.cc") << Where(include);
    }
    if (include.name.rfind("leveldb/", 0) == 0) {
      EXPECT_EQ(include.file.rfind("core/formats/tensorflow/", 0), 0u) << Where(include);
    }
    if (include.name == "zstd.h") {
      EXPECT_EQ(include.file, "core/formats/orbax/zstd.cc") << Where(include);
    }
    if (include.name.rfind("sentencepiece", 0) == 0) {
      EXPECT_EQ(include.file, "core/policy/tokenizer.cc") << Where(include);
    }
    if (include.name == "unicase.h" || include.name == "unistr.h") {
      EXPECT_EQ(include.file, "core/policy/text.cc") << Where(include);
    }
    if (include.name.rfind("CLI/", 0) == 0) {
      EXPECT_EQ(CoreFolder(include.file), "cli") << Where(include);
    }
  }
}

TEST(Includes, TheRuleSeesArrowsThatRunBack) {
  EXPECT_EQ(CoreViolation("core/plan/a.cc", "core/graph/graph.h"), "");
  EXPECT_EQ(CoreViolation("core/base/a.cc", "midstream/backend.h"), "");
  EXPECT_EQ(CoreViolation("core/base/a.cc", "core/config/config.h"),
            "core/base must not include core/config");
  EXPECT_EQ(CoreViolation("core/config/a.cc", "core/graph/graph.h"),
            "core/config must not include core/graph");
  EXPECT_EQ(CoreViolation("core/plan/a.cc", "core/session/session.h"),
            "core/plan must not include core/session");
  EXPECT_NE(CoreViolation("core/plan/a.cc", "plan.h"), "");
  EXPECT_NE(CoreViolation("core/plan/a.cc", "plugins/reference/kernels.h"), "");
  EXPECT_EQ(PluginViolation("plugins/reference/a.cc", "plugins/reference/b.h"), "");
  EXPECT_NE(PluginViolation("plugins/reference/a.cc", "plugins/cpu_blas/b.h"), "");
  EXPECT_NE(PluginViolation("plugins/reference/a.cc", "core/base/status.h"), "");
}

}  // namespace
}  // namespace midstream
