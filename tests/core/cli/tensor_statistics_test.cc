#include "core/cli/tensor_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace midstream::cli {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
Tensor Make(DType dtype, std::vector<T> values) {
  return *Tensor::Copy(dtype, {static_cast<int64_t>(values.size())},
                       std::as_bytes(std::span(values)));
}

TEST(TensorStatistics, OfFiniteElements) {
  const auto result = StatisticsOf(Make<float>(DType::kF32, {1, kNaN, 3, -kInfinity, 8}));
  EXPECT_EQ(result.min, 1);
  EXPECT_EQ(result.max, 8);
  EXPECT_EQ(result.mean, 4);
  EXPECT_DOUBLE_EQ(result.standard_deviation, std::sqrt(26.0 / 3.0));
  EXPECT_EQ(result.nonfinite, 2);
}

TEST(TensorStatistics, FarFromZero) {
  const auto result =
      StatisticsOf(Make<double>(DType::kF64, {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}));
  EXPECT_DOUBLE_EQ(result.mean, 1e9 + 10);
  EXPECT_DOUBLE_EQ(result.standard_deviation, std::sqrt(22.5));
}

TEST(TensorStatistics, OfNothing) {
  EXPECT_TRUE(std::isnan(StatisticsOf(Make<float>(DType::kF32, {})).mean));
  const auto result = StatisticsOf(Make<float>(DType::kF32, {kNaN}));
  EXPECT_TRUE(std::isnan(result.min));
  EXPECT_EQ(result.nonfinite, 1);
}

TEST(TensorStatistics, OfEveryDType) {
  EXPECT_EQ(StatisticsOf(Make<uint16_t>(DType::kF16, {FloatToHalf(-2.5f)})).min, -2.5);
  EXPECT_EQ(StatisticsOf(Make<uint16_t>(DType::kBF16, {FloatToBFloat16(-2.5f)})).min, -2.5);
  EXPECT_EQ(StatisticsOf(Make<int8_t>(DType::kI8, {-7})).min, -7);
  EXPECT_EQ(StatisticsOf(Make<int16_t>(DType::kI16, {-7})).min, -7);
  EXPECT_EQ(StatisticsOf(Make<int32_t>(DType::kI32, {-7})).min, -7);
  EXPECT_EQ(StatisticsOf(Make<int64_t>(DType::kI64, {-7})).min, -7);
  EXPECT_EQ(StatisticsOf(Make<uint8_t>(DType::kU8, {200})).max, 200);
  EXPECT_EQ(StatisticsOf(Make<uint16_t>(DType::kU16, {60000})).max, 60000);
  EXPECT_EQ(StatisticsOf(Make<uint32_t>(DType::kU32, {4000000000u})).max, 4e9);
  EXPECT_EQ(StatisticsOf(Make<uint64_t>(DType::kU64, {1ull << 63})).max, 0x1p63);
  EXPECT_EQ(StatisticsOf(Make<uint8_t>(DType::kBool, {0, 1})).mean, 0.5);
}

TEST(TensorDifference, CountsByBitsAndMeasuresByValue) {
  const auto result = DifferenceOf(Make<float>(DType::kF32, {1, 2, -4, 0, kNaN}),
                                   Make<float>(DType::kF32, {1, 3, 4, -0.0f, kNaN}));
  EXPECT_EQ(result.elements, 3);
  EXPECT_EQ(result.largest_absolute, 8);
  EXPECT_EQ(result.largest_relative, 2);
}

TEST(TensorDifference, IsInfiniteWhereOneSideIsNotFinite) {
  const auto result =
      DifferenceOf(Make<float>(DType::kF32, {1, 1}), Make<float>(DType::kF32, {1, kNaN}));
  EXPECT_EQ(result.elements, 1);
  EXPECT_EQ(result.largest_absolute, std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace midstream::cli
