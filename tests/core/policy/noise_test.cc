#include "core/policy/noise.h"

#include <gtest/gtest.h>

#include <cmath>

namespace midstream::policy {
namespace {

TEST(Noise, IsNormal) {
  const Tensor noise = *MakeNoise(1000, 32, 7);
  EXPECT_EQ(noise.shape(), Shape({1000, 32}));
  double sum = 0;
  double squares = 0;
  int64_t within = 0;
  for (const float value : noise.as<float>()) {
    sum += value;
    squares += double{value} * value;
    within += std::abs(value) < 1;
  }
  const auto count = static_cast<double>(noise.count());
  EXPECT_NEAR(sum / count, 0, 0.03);
  EXPECT_NEAR(squares / count, 1, 0.04);
  EXPECT_NEAR(static_cast<double>(within) / count, 0.6827, 0.015);
}

TEST(Noise, FollowsFromTheSeed) {
  EXPECT_TRUE(BitEqual(*MakeNoise(4, 8, 3), *MakeNoise(4, 8, 3)));
  EXPECT_FALSE(BitEqual(*MakeNoise(4, 8, 3), *MakeNoise(4, 8, 4)));
}

}  // namespace
}  // namespace midstream::policy
