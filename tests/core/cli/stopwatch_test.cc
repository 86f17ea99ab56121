#include "core/cli/stopwatch.h"

#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

TEST(Median, IsTheMiddleValue) {
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({9, 1, 5}), 5);
}

TEST(Median, IsTheMeanOfTheTwoInTheMiddle) {
  EXPECT_EQ(Median({4, 1}), 2.5);
  EXPECT_EQ(Median({100, 1, 3, 2}), 2.5);
}

}  // namespace
}  // namespace midstream::cli
