#include "core/graph/rename.h"

#include <gtest/gtest.h>

namespace midstream {
namespace {

std::string With(std::vector<RenameRule> rules, const std::string& name) {
  EXPECT_TRUE(CheckRenameRules(rules).ok());
  return Renamed(name, rules);
}

TEST(Rename, ReplacesNamesPrefixesAndSuffixes) {
  EXPECT_EQ(With({{"a", "b"}}, "a"), "b");
  EXPECT_EQ(With({{"a", "b"}}, "aa"), "aa");
  EXPECT_EQ(With({{"actor/*", "policy/*"}}, "actor/w"), "policy/w");
  EXPECT_EQ(With({{"actor/*", "*"}}, "actor/w"), "w");
  EXPECT_EQ(With({{"*", "policy/*"}}, "w"), "policy/w");
  EXPECT_EQ(With({{"*.weight", "*/kernel"}}, "fc.weight"), "fc/kernel");
  EXPECT_EQ(With({{"*.weight", "*"}}, "fc.weight"), "fc");
  EXPECT_EQ(With({{"actor/*", "policy/*"}}, "critic/actor/w"), "critic/actor/w");
}

TEST(Rename, AppliesTheFirstRuleThatMatchesOnce) {
  const std::vector<RenameRule> rules = {{"a*", "b*"}, {"b*", "c*"}};
  EXPECT_EQ(With(rules, "ax"), "bx");
  EXPECT_EQ(With(rules, "bx"), "cx");
}

TEST(Rename, RefusesRulesWithoutAMeaning) {
  for (const char* text :
       {"", "a", "=b", "a=", "a*=b", "a=b*", "a*b=c*", "a**=b*", "a*=*b", "*a=b*", "*a*=b*"}) {
    EXPECT_FALSE(ParseRenameRule(text).ok()) << text;
  }
  auto rule = ParseRenameRule("actor/*=policy/*");
  ASSERT_TRUE(rule.ok());
  EXPECT_EQ(rule->to, "policy/*");
}

}  // namespace
}  // namespace midstream
