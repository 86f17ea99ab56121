#include "core/weights/update_options.h"

#include <gtest/gtest.h>

namespace midstream {
namespace {

TEST(UpdateOptions, AreSetFromText) {
  UpdateOptions options;
  EXPECT_TRUE(SetUpdateOption("check", "superset", &options).ok());
  EXPECT_TRUE(SetUpdateOption("base", "12", &options).ok());
  EXPECT_TRUE(SetUpdateOption("finite", "true", &options).ok());
  EXPECT_TRUE(SetUpdateOption("accept_float64", "true", &options).ok());
  EXPECT_TRUE(SetUpdateOption("rename", "a/*=b/*", &options).ok());
  EXPECT_TRUE(SetUpdateOption("rename", "c=d", &options).ok());
  EXPECT_TRUE(SetUpdateOption("digest", std::string(64, 'a'), &options).ok());
  EXPECT_EQ(options.check, CheckMode::kSuperset);
  EXPECT_EQ(options.base, 12u);
  EXPECT_TRUE(options.finite);
  EXPECT_TRUE(options.accept_float64);
  EXPECT_EQ(options.rename.size(), 2u);
  EXPECT_EQ(options.digest.size(), 64u);
}

TEST(UpdateOptions, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> kBad[] = {
      {"check", "all"}, {"base", "0"},   {"base", "-1"},       {"base", "1x"},   {"finite", "1"},
      {"rename", "a"},  {"digest", "x"}, {"digest", "ABCDEF"}, {"chek", "exact"}};
  for (const auto& [key, value] : kBad) {
    UpdateOptions options;
    Status status = SetUpdateOption(key, value, &options);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << key << " = " << value;
    EXPECT_NE(status.message().find(key), std::string_view::npos) << status.message();
  }
}

}  // namespace
}  // namespace midstream
