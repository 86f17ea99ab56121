// docs/backends.md is what the plugins claim. A plugin that cannot be used on this machine is left
// out.
#include "core/cli/backends_docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace midstream::cli {
namespace {

using ::testing::HasSubstr;

Config ConfigFor(const std::vector<std::string>& plugins) {
  Config config;
  config.backend = plugins.front();
  config.plugins.dir = MS_PLUGIN_DIR;
  config.plugins.list = plugins;
  return config;
}

std::string Page() {
  std::ifstream file(std::string(MS_SOURCE_DIR) + "/docs/backends.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> Cells(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream text(row.substr(1));
  for (std::string cell; std::getline(text, cell, '|');) {
    const size_t begin = cell.find_first_not_of(' ');
    cells.push_back(begin == std::string::npos
                        ? ""
                        : cell.substr(begin, cell.find_last_not_of(' ') + 1 - begin));
  }
  return cells;
}

// The column of a backend, by operator; empty when there is none.
std::map<std::string, std::string> Column(const std::string& backend) {
  std::map<std::string, std::string> column;
  std::istringstream page(Page());
  size_t index = 0;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| ")) continue;
    const std::vector<std::string> cells = Cells(line);
    if (cells[0] == "Operator") {
      index = static_cast<size_t>(std::find(cells.begin(), cells.end(), backend) - cells.begin());
      if (index == cells.size()) return {};
      continue;
    }
    column[cells[0]] = cells.at(index);
  }
  return column;
}

using Words = std::set<std::string>;

Words Expanded(const std::string& cell) {
  Words words;
  std::istringstream text(cell);
  for (std::string word; text >> word;) {
    if (word == "floats") {
      words.insert({"f32", "f64", "f16", "bf16"});
    } else if (word == "ints") {
      words.insert({"i8", "i16", "i32", "i64"});
    } else if (word == "uints") {
      words.insert({"u8", "u16", "u32", "u64"});
    } else {
      words.insert(word);
    }
  }
  return words;
}

Words Without(Words words, const Words& others) {
  for (const std::string& other : others) words.erase(other);
  return words;
}

class BackendsDocs : public ::testing::TestWithParam<std::string> {};

TEST_P(BackendsDocs, SayWhatThePluginClaims) {
  const std::vector<BackendClaims> backends = ClaimsOf(ConfigFor({GetParam()}));
  ASSERT_EQ(backends.size(), 1u);
  const BackendClaims& backend = backends.front();
  if (!backend.status.ok()) {
    GTEST_SKIP() << GetParam() << " cannot be used here: " << backend.status.message();
  }
  const std::map<std::string, std::string> column = Column(GetParam());
  EXPECT_EQ(column.size(), backend.operators.size());
  // An OpenCL device may have none of these at all, or have one that the page's had not.
  Words optional;
  if (GetParam() == "opencl") {
    Words here, there;
    for (const plan::OperatorDTypes& one : backend.operators) {
      here.merge(Expanded(DTypesCell(one.dtypes)));
      if (column.count(one.name) > 0) there.merge(Expanded(column.at(one.name)));
    }
    for (const char* dtype : {"f64", "f16"}) {
      if (here.count(dtype) != there.count(dtype)) optional.insert(dtype);
    }
  }
  for (const plan::OperatorDTypes& one : backend.operators) {
    ASSERT_EQ(column.count(one.name), 1u) << one.name << " is missing in docs/backends.md";
    EXPECT_EQ(Without(Expanded(DTypesCell(one.dtypes)), optional),
              Without(Expanded(column.at(one.name)), optional))
        << one.name << ": write docs/backends.md anew, as it says itself";
  }
}

INSTANTIATE_TEST_SUITE_P(Plugins, BackendsDocs,
                         ::testing::Values("reference", "cpu_blas", "opencl", "python"),
                         [](const auto& info) { return info.param; });

TEST(BackendsDocs, NamesGroupsOfDTypes) {
  EXPECT_EQ(DTypesCell({}), "");
  EXPECT_EQ(DTypesCell({DType::kF32, DType::kBF16, DType::kU8, DType::kBool}), "f32 bf16 u8 bool");
  EXPECT_EQ(DTypesCell({DType::kI8, DType::kI16, DType::kI32, DType::kI64, DType::kF16}),
            "f16 ints");
}

TEST(BackendsDocs, HaveAColumnForEachPluginThatCanBeUsed) {
  std::vector<BackendClaims> backends = ClaimsOf(ConfigFor({"reference", "nonesuch"}));
  ASSERT_EQ(backends.size(), 2u);
  EXPECT_FALSE(backends[1].status.ok());
  const std::string page = BackendsMarkdown(backends);
  EXPECT_THAT(page,
              HasSubstr("\n| Operator | reference |\n|---|---|\n| Abs | floats ints uints |"));
  EXPECT_THAT(page, HasSubstr("--set 'plugins.list=[\"reference\"]'"));
  // The words above the lists are those of the page in the repository.
  EXPECT_EQ(Page().substr(0, Page().find("\n    ")), page.substr(0, page.find("\n    ")));
}

}  // namespace
}  // namespace midstream::cli
