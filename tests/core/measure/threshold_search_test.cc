#include "core/measure/threshold_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace midstream::measure {
namespace {

// A service whose p99 stays below its limit up to `capacity`, and what it was asked.
struct FakeService {
  double capacity;
  std::vector<double> probes = {};

  Probe probe() {
    return [this](double load) -> Result<bool> {
      probes.push_back(load);
      return load <= capacity;
    };
  }
};

TEST(ThresholdSearch, FindsTheLastWholeNumberThatHolds) {
  for (int capacity = 1; capacity <= 40; ++capacity) {
    FakeService service{static_cast<double>(capacity)};
    const auto found = FindHighest({.low = 1, .high = 32, .whole = true}, service.probe());
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(*found, std::min(capacity, 32)) << capacity;
    EXPECT_LE(service.probes.size(), 7u);
    for (const double load : service.probes) EXPECT_EQ(load, std::floor(load));
  }
}

TEST(ThresholdSearch, FindsARateToItsPrecision) {
  for (const double capacity : {100.0, 101.0, 777.0, 12345.6, 99999.0}) {
    FakeService service{capacity};
    const auto found = FindHighest({.low = 100, .high = 1e5, .precision = 0.01}, service.probe());
    ASSERT_TRUE(found.ok());
    ASSERT_TRUE(found->has_value());
    EXPECT_LE(**found, capacity);
    EXPECT_GE(**found * 1.01, capacity);
    EXPECT_LE(service.probes.size(), 14u);
  }
}

TEST(ThresholdSearch, FindsNothingWhereTheLowestFails) {
  FakeService service{5};
  const auto found = FindHighest({.low = 10, .high = 20}, service.probe());
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->has_value());
  EXPECT_EQ(service.probes, std::vector<double>{10});
}

TEST(ThresholdSearch, ProbesNoLoadTwice) {
  FakeService service{5};
  ASSERT_TRUE(FindHighest({.low = 3, .high = 3, .whole = true}, service.probe()).ok());
  EXPECT_EQ(service.probes, std::vector<double>{3});
  service.probes.clear();
  EXPECT_EQ(**FindHighest({.low = 5, .high = 6, .whole = true}, service.probe()), 5);
  EXPECT_EQ(service.probes, (std::vector<double>{5, 6}));
}

TEST(ThresholdSearch, EndsAtTheFirstError) {
  int probes = 0;
  const auto found = FindHighest({.low = 1, .high = 8, .whole = true}, [&](double) -> Result<bool> {
    if (++probes == 2) return Internal("broken");
    return true;
  });
  EXPECT_EQ(found.status().ToString(), "INTERNAL: broken");
  EXPECT_EQ(probes, 2);
}

TEST(ThresholdSearch, RefusesBoundsThatAreNone) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {0, 5}, {-1, 5}, {6, 5}, {1, infinity}, {std::nan(""), 5}, {1, std::nan("")}}) {
    FakeService service{5};
    EXPECT_EQ(FindHighest({.low = low, .high = high}, service.probe()).status().code(),
              Code::kInvalidArgument);
    EXPECT_TRUE(service.probes.empty());
  }
}

}  // namespace
}  // namespace midstream::measure
