#include "core/measure/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace midstream::measure {
namespace {

TEST(Quantile, IsLinearBetweenTheNearestValues) {
  const std::vector<double> values = {1, 2, 4, 8, 16};
  EXPECT_EQ(Quantile(values, 0), 1);
  EXPECT_EQ(Quantile(values, 0.5), 4);
  EXPECT_EQ(Quantile(values, 0.625), 6);
  EXPECT_EQ(Quantile(values, 1), 16);
  EXPECT_EQ(Quantile(values, -1), 1);
  EXPECT_EQ(Quantile(values, 2), 16);
  EXPECT_EQ(Quantile(std::vector<double>{7}, 0.3), 7);
  EXPECT_TRUE(std::isnan(Quantile({}, 0.5)));
}

TEST(MedianInterval, OfFewValues) {
  EXPECT_TRUE(std::isnan(MedianInterval({}, 1).value));
  const Interval one = MedianInterval(std::vector<double>{3}, 1);
  EXPECT_EQ(one.low, 3);
  EXPECT_EQ(one.value, 3);
  EXPECT_EQ(one.high, 3);
  const Interval even = MedianInterval(std::vector<double>{4, 1, 3, 2}, 1);
  EXPECT_EQ(even.value, 2.5);
  EXPECT_EQ(even.low, 1);
  EXPECT_EQ(even.high, 4);
}

TEST(MedianInterval, IsAFunctionOfValuesAndSeed) {
  std::vector<double> values;
  std::mt19937_64 random(4);
  for (int i = 0; i < 40; ++i) values.push_back(static_cast<double>(random() % 100000));
  const Interval first = MedianInterval(values, 5);
  std::reverse(values.begin(), values.end());  // their order says nothing
  const Interval again = MedianInterval(values, 5);
  EXPECT_EQ(first.value, again.value);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  size_t differ = 0;  // the ends are among few values, so most seeds agree
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Interval other = MedianInterval(values, seed);
    EXPECT_EQ(first.value, other.value);
    differ += first.low != other.low || first.high != other.high;
  }
  EXPECT_GT(differ, 0u);
}

// How often the true median lies inside the intervals of many samples.
double Coverage(size_t count) {
  std::mt19937_64 random(9);
  std::normal_distribution<double> normal(100, 10);
  constexpr int kSamples = 400;
  int covered = 0;
  for (int i = 0; i < kSamples; ++i) {
    std::vector<double> values(count);
    for (double& value : values) value = normal(random);
    const Interval interval = MedianInterval(values, static_cast<uint64_t>(i));
    EXPECT_LE(interval.low, interval.value);
    EXPECT_GE(interval.high, interval.value);
    covered += interval.low <= 100 && interval.high >= 100;
  }
  return static_cast<double>(covered) / kSamples;
}

TEST(MedianInterval, HoldsTheTrueMedianNinetyFiveTimesInAHundred) {
  EXPECT_NEAR(Coverage(20), 0.95, 0.04);
  EXPECT_NEAR(Coverage(kMostResampled + 1), 0.95, 0.04);
}

TEST(RatioInterval, PairsTheRounds) {
  // The machine becomes slower from round to round; b takes 1.5 times as long as a in each.
  std::vector<double> a, b;
  for (int round = 1; round <= 10; ++round) {
    a.push_back(100.0 * round);
    b.push_back(150.0 * round);
  }
  const Interval ratio = RatioInterval(a, b, 1);
  EXPECT_DOUBLE_EQ(ratio.value, 1.5);
  EXPECT_DOUBLE_EQ(ratio.low, 1.5);
  EXPECT_DOUBLE_EQ(ratio.high, 1.5);
}

TEST(RatioInterval, LeavesOutRoundsWithoutTime) {
  const Interval ratio =
      RatioInterval(std::vector<double>{0, 10, 10}, std::vector<double>{5, 20, 0}, 1);
  EXPECT_EQ(ratio.value, 2);
  EXPECT_TRUE(std::isnan(RatioInterval({}, {}, 1).value));
}

}  // namespace
}  // namespace midstream::measure
