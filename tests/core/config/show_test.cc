#include "core/config/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "core/base/file.h"

namespace midstream::config {
namespace {

using testing::HasSubstr;

TEST(KeyTable, RowsAreComplete) {
  std::set<std::string_view> seen;
  std::set<std::string_view> sections;
  for (const SectionRow& section : SectionTable()) {
    EXPECT_TRUE(sections.insert(section.name).second) << section.name;
    EXPECT_FALSE(section.doc.empty());
  }
  for (const KeyRow& row : KeyTable()) {
    EXPECT_TRUE(seen.insert(row.key).second) << row.key << " is there twice";
    EXPECT_TRUE(sections.count(row.section())) << row.key << " has no section row";
    EXPECT_TRUE(row.doc.ends_with(".")) << row.key;
    EXPECT_EQ(row.doc.find('|'), std::string_view::npos) << row.key << " breaks a table row";
    EXPECT_EQ(FindKey(row.key), &row);
    EXPECT_FALSE(Expected(row).empty());
    if (row.type == KeyType::kString || row.type == KeyType::kList) {
      EXPECT_NE(row.rule, nullptr) << row.key;
    }
  }
  for (const std::string_view section : sections) {
    EXPECT_TRUE(section.empty() || IsSection(section)) << section;
  }
  EXPECT_FALSE(IsSection("backend"));
  EXPECT_FALSE(IsSection("precision.mode"));
  EXPECT_EQ(FindKey("precision"), nullptr);
}

TEST(KeyTable, SettingWhatWasGotChangesNothing) {
  Config config;
  for (const KeyRow& row : KeyTable()) {
    const Value value = row.get(config, "x");
    row.set(config, "x", value);
    EXPECT_EQ(row.get(config, "x"), value) << row.key;
  }
}

TEST(Show, GivesEveryKeyWithItsSource) {
  const auto config = ParseConfig("backend = 'reference'\nbackends.acme.depth = 3", "a.toml",
                                  {{"precision.mode", "force_fp16"}});
  ASSERT_TRUE(config.ok());
  std::map<std::string, ShowRow> rows;
  for (const ShowRow& row : Show(*config)) rows.emplace(row.key, row);
  const auto free = std::count_if(KeyTable().begin(), KeyTable().end(),
                                  [](const KeyRow& row) { return row.names != nullptr; });
  EXPECT_EQ(rows.size(), KeyTable().size() - static_cast<size_t>(free) + 1);
  EXPECT_EQ(rows.at("backend").text, "\"reference\"");
  EXPECT_EQ(rows.at("backend").source, "a.toml:1:11");
  EXPECT_EQ(rows.at("precision.mode").text, "\"force_fp16\"") << "as written, not its synonym";
  EXPECT_EQ(rows.at("precision.mode").source, "--set");
  EXPECT_EQ(rows.at("plugins.list").text, "[\"cpu_blas\", \"reference\"]");
  EXPECT_EQ(rows.at("plugins.list").source, "default");
  EXPECT_EQ(rows.at("backends.acme.depth").text, "\"3\"");
  EXPECT_THAT(ShowText(*config), HasSubstr("execution.threads = 0"));
}

TEST(Show, TextCanBeReadBack) {
  const auto config = ParseConfig(R"(precision.keep = ["a\"b\\c\n", "d"])", "a.toml");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  const auto again = ParseConfig(ShowText(*config), "shown");
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->precision.keep, config->precision.keep);
  EXPECT_EQ(again->plugins.list, config->plugins.list);
}

TEST(Show, HelpNamesEveryKey) {
  const std::string help = KeysHelp();
  for (const KeyRow& row : KeyTable()) EXPECT_THAT(help, HasSubstr(WithName(row.key, "\"NAME\"")));
}

TEST(Show, DefaultTomlHoldsEveryDefault) {
  const auto config = ParseConfig(DefaultToml(), "default.toml");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  for (const KeyRow& row : KeyTable()) {
    EXPECT_EQ(row.get(*config, {}), row.get(DefaultConfig(), {})) << row.key;
    if (row.names != nullptr) continue;
    EXPECT_EQ(config->origins.count(row.key), 1u) << row.key;
  }
}

// What the file says of keys with a free name stands in comments.
TEST(Show, DefaultTomlExplainsTablesWithFreeNames) {
  std::string text;
  bool in_free = false;
  for (std::string line; const char c : DefaultToml()) {
    line += c;
    if (c != '\n') continue;
    if (line.ends_with(".\"NAME\"]\n")) in_free = true;
    if (line.starts_with("[")) in_free = false;
    const bool code = line.starts_with("# [") || line.find(" = \"auto\"") != std::string::npos ||
                      line.find(" = []") != std::string::npos;
    text += in_free && code && line.starts_with("# ") ? line.substr(2) : line;
    line.clear();
  }
  const auto config = ParseConfig(text, "default.toml");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->origin("precision.op.NAME.impl").source, Origin::Source::kFile);
  EXPECT_EQ(config->origin("precision.node.NAME.dtype").source, Origin::Source::kFile);
  EXPECT_EQ(config->origin("inputs.NAME.buckets").source, Origin::Source::kFile);
}

TEST(Show, GroupsTheKeysOfAFreeName) {
  const auto config = ParseConfig(
      "[precision.node.'fc1/MatMul']\ndtype = 'float32'\n[precision.node.a]\nimpl = 'auto'",
      "a.toml", {{"precision.op.\"Softmax\".dtype", "float64"}, {"inputs.x.shape", "[-1, 3]"}});
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  const std::string text = ShowText(*config);
  std::string lines;
  for (const ShowRow& row : Show(*config)) {
    if (row.key.starts_with("precision.op") || row.key.starts_with("precision.node")) {
      lines += row.key + "=" + row.text + " " + row.source + "\n";
    }
  }
  EXPECT_EQ(lines,
            "precision.op.Softmax.dtype=\"float64\" --set\n"
            "precision.op.Softmax.output_dtype=\"auto\" default\n"
            "precision.op.Softmax.impl=\"auto\" default\n"
            "precision.node.a.dtype=\"auto\" default\n"
            "precision.node.a.output_dtype=\"auto\" default\n"
            "precision.node.a.impl=\"auto\" a.toml:4:8\n"
            "precision.node.\"fc1/MatMul\".dtype=\"float32\" a.toml:2:9\n"
            "precision.node.\"fc1/MatMul\".output_dtype=\"auto\" default\n"
            "precision.node.\"fc1/MatMul\".impl=\"auto\" default\n");
  const auto again = ParseConfig(text, "shown");
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->precision.node.at("fc1/MatMul").dtype, ComputeType::kFloat32);
  EXPECT_THAT(text, HasSubstr("inputs.x.shape = [-1, 3]"));
  EXPECT_EQ(again->inputs.at("x").shape, (std::vector<int64_t>{-1, 3}));
}

std::string InRepository(const std::string& path) {
  const auto text = ReadFile(std::string(MS_SOURCE_DIR) + "/" + path, 1 << 20);
  return text.ok() ? *text : text.status().ToString();
}

TEST(Docs, AreWhatTheTableSays) {
  EXPECT_EQ(InRepository("docs/configuration.md"), ConfigurationMarkdown())
      << "write it anew with: midstream config docs > docs/configuration.md";
  EXPECT_EQ(InRepository("configs/default.toml"), DefaultToml())
      << "write it anew with: midstream config docs --format toml > configs/default.toml";
}

}  // namespace
}  // namespace midstream::config
