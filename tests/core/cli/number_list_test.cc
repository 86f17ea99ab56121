#include "core/cli/number_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

using ::testing::HasSubstr;

constexpr NumberRule kCounts{1, 1 << 20};
constexpr NumberRule kRates{1e-3, 1e7, false};

TEST(NumberList, IsNumbersListsAndRanges) {
  const std::pair<const char*, std::vector<double>> cases[] = {
      {"4", {4}},
      {"1,2,4", {1, 2, 4}},
      {"4,1,4", {4, 1, 4}},
      {"1-4", {1, 2, 3, 4}},
      {"3-3", {3}},
      {"1-9+2", {1, 3, 5, 7, 9}},
      {"1-8+2", {1, 3, 5, 7}},
      {"1-8*2", {1, 2, 4, 8}},
      {"3-20*3", {3, 9}},
      {"1,8-32*2", {1, 8, 16, 32}},
      {"1048576", {1048576}},
  };
  for (const auto& [text, numbers] : cases) {
    const auto parsed = ParseNumbers(text, kCounts);
    ASSERT_TRUE(parsed.ok()) << text << parsed.status().ToString();
    EXPECT_EQ(*parsed, numbers) << text;
  }
}

TEST(NumberList, MayHoldFractions) {
  const auto rates = ParseNumbers("0.5,100-100.3+0.1,1-8*1.5", kRates);
  ASSERT_TRUE(rates.ok()) << rates.status().ToString();
  ASSERT_EQ(rates->size(), 11u);
  EXPECT_EQ((*rates)[0], 0.5);
  EXPECT_NEAR((*rates)[4], 100.3, 1e-9);
  EXPECT_NEAR((*rates)[10], 7.59375, 1e-9);
}

TEST(NumberList, RefusesWhatIsNone) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is no whole number, list or range"},
      {"x", "'x' is no whole number"},
      {"1-", "'1-' is no whole number"},
      {"1--2", "'1--2' is not from 1 to 1048576"},
      {"1,,2", "'' is no whole number"},
      {"1,", "'' is no whole number"},
      {"1-8+", "'1-8+' is no whole number"},
      {"1-8*x", "'1-8*x' is no whole number"},
      {"1-8*2*2", "'1-8*2*2' is no whole number"},
      {"1-2-3", "'1-2-3' is no whole number"},
      {"1.5", "'1.5' is no whole number"},
      {"1-8*1.5", "'1-8*1.5' is no whole number"},
      {"1e3", "'1e3' is no whole number"},
      {"nan", "'nan' is no whole number"},
      {"inf", "is not from 1 to 1048576"},
      {"0x10", "'0x10' is no whole number"},
      {" 4", "' 4' is no whole number"},
      {"0", "'0' is not from 1 to 1048576"},
      {"-4", "'-4' is not from 1 to 1048576"},
      {"0-4", "'0-4' is not from 1 to 1048576"},
      {"1048577", "'1048577' is not from 1 to 1048576"},
      {"99999999999999999999", "is not from 1 to 1048576"},
      {"8-1", "'8-1' runs backwards"},
      {"1-8+0", "'1-8+0' does not go on"},
      {"1-8*1", "'1-8*1' does not go on"},
      {"1-8+-1", "'1-8+-1' does not go on"},
      {"1-1001", "'1-1001' makes more than 1000 numbers"},
      {"1-1000,1-2", "'1-2' makes more than 1000 numbers"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = ParseNumbers(text, kCounts);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(message)) << text;
  }
  EXPECT_THAT(std::string(ParseNumbers("0", kRates).status().message()),
              HasSubstr("'0' is not from 0.001 to 1e+07"));
}

TEST(NumberList, BoundsAreTwoNumbers) {
  const auto bounds = ParseBounds("100-5000.5", kRates);
  ASSERT_TRUE(bounds.ok());
  EXPECT_EQ(bounds->low, 100);
  EXPECT_EQ(bounds->high, 5000.5);
  for (const char* text : {"4", "1,2", "1-8*2", "8-1", "0-5", "", "1-", "1-x"}) {
    EXPECT_FALSE(ParseBounds(text, kRates).ok()) << text;
  }
}

}  // namespace
}  // namespace midstream::cli
