#include "core/cli/compare_inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace midstream::cli {
namespace {

Result<Tensor> Make(DType dtype, const std::vector<std::string>& ranges) {
  InputPlan plan;
  plan.ranges = *ValueRanges::Parse(ranges);
  plan.batch = 500;
  auto inputs = MakeInputsInRanges(plan, {{"x", dtype, Shape{-1, 2}}});
  if (!inputs.ok()) return inputs.status();
  return inputs->front().value;
}

TEST(CompareInputs, FloatsFillTheirRange) {
  const Tensor tensor = *Make(DType::kF32, {"-3,5"});
  EXPECT_EQ(tensor.shape(), Shape({500, 2}));
  const auto values = tensor.as<float>();
  EXPECT_GE(*std::min_element(values.begin(), values.end()), -3);
  EXPECT_LT(*std::min_element(values.begin(), values.end()), -2);
  EXPECT_LE(*std::max_element(values.begin(), values.end()), 5);
  EXPECT_GT(*std::max_element(values.begin(), values.end()), 4);
}

TEST(CompareInputs, IntegersReachBothEnds) {
  const Tensor small = *Make(DType::kI64, {"x:2,5"});
  const auto values = small.as<int64_t>();
  EXPECT_EQ(*std::min_element(values.begin(), values.end()), 2);
  EXPECT_EQ(*std::max_element(values.begin(), values.end()), 5);
  // What the dtype does not have is left out.
  const Tensor bytes = *Make(DType::kU8, {"[-10,1000]"});
  EXPECT_EQ(std::ranges::count_if(bytes.as<uint8_t>(), [](uint8_t b) { return b > 200; }) > 0,
            true);
  const Tensor wide = *Make(DType::kI64, {"-1e300,1e300"});
  EXPECT_LT(*std::ranges::min_element(wide.as<int64_t>()), std::numeric_limits<int64_t>::min() / 2);
}

TEST(CompareInputs, TheRangeOfAnInputComesBeforeThatOfAll) {
  const auto ranges = ValueRanges::Parse({"0,1", "x:0:7,8"});
  ASSERT_TRUE(ranges.ok());
  EXPECT_EQ(ranges->Of("x")->low, 7);
  EXPECT_EQ(ranges->Of("x:0")->high, 8);
  EXPECT_EQ(ranges->Of("y")->high, 1);
}

TEST(CompareInputs, RefusesWhatIsNoRange) {
  for (const char* text : {"", "1", "2,1", "a,b", ":1,2", "0,inf", "0,nan", "1,2,3"}) {
    EXPECT_FALSE(ValueRanges::Parse({text}).ok()) << text;
  }
  EXPECT_EQ(Make(DType::kF32, {"y:0,1"}).status().message(), "--val-range: there is no input 'y'");
}

}  // namespace
}  // namespace midstream::cli
