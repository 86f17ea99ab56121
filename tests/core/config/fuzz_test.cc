// Any bytes are a Config or a list of problems: seeded random text, and damaged copies of a good
// file, go through the reader.

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "core/config/config.h"
#include "core/config/show.h"

namespace midstream::config {
namespace {

void Check(const std::string& text) {
  std::vector<Problem> problems;
  const auto config = ParseConfig(text, "fuzz", {}, &problems);
  ASSERT_EQ(config.ok(), problems.empty());
  if (config.ok()) {
    EXPECT_FALSE(ShowText(*config).empty());
    return;
  }
  EXPECT_EQ(config.status().code(), Code::kInvalidArgument);
  for (const Problem& problem : problems) {
    EXPECT_FALSE(problem.message.empty());
    EXPECT_GE(problem.line, 1u);
    EXPECT_EQ(problem.ToString().find('\n'), std::string::npos);
  }
}

TEST(ConfigFuzz, RandomTokens) {
  const char* tokens[] = {"[",         "]",        "[[", "]]",  "=",          ".",       ",",
                          "\n",        "\"",       "'",  "{",   "}",          "backend", "mode",
                          "#",         "1",        "-",  "nan", "true",       "\\u",     "\r",
                          "é",         "\xff",     "\t", "0x",  "1979-05-27", "plugins", "list",
                          "precision", "backends", "x",  "'''", "\"\"\"",     " "};
  std::mt19937 random(20240601);
  for (int round = 0; round < 1500; ++round) {
    std::string text;
    for (unsigned n = random() % 24; n > 0; --n) text += tokens[random() % std::size(tokens)];
    SCOPED_TRACE(text);
    Check(text);
  }
}

TEST(ConfigFuzz, RandomBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 1500; ++round) {
    std::string text(random() % 64, '\0');
    for (char& c : text) c = static_cast<char>(random());
    Check(text);
  }
}

TEST(ConfigFuzz, DamagedFile) {
  const std::string good = DefaultToml();
  std::mt19937 random(99);
  for (int round = 0; round < 300; ++round) {
    std::string text = good;
    for (unsigned n = 1 + random() % 4; n > 0; --n) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 40);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
      }
    }
    Check(text);
  }
}

TEST(ConfigFuzz, RandomOverrides) {
  std::mt19937 random(5);
  for (int round = 0; round < 400; ++round) {
    std::string text(random() % 24, '\0');
    for (char& c : text) c = "=.[]'\"abc,1{}\n# backends"[random() % 24];
    for (const char* key : {"backend", "plugins.list", "execution.streams", "backends.a.b",
                            "precision.op.a.dtype", "inputs.a.buckets"}) {
      const auto config = ParseConfig("", "fuzz", {{key, text}, {text, "1"}});
      EXPECT_FALSE(config.ok()) << "no key is called " << text;
    }
  }
}

}  // namespace
}  // namespace midstream::config
