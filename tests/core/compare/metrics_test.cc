#include "core/compare/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace midstream::compare {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

template <typename T>
Tensor Make(DType dtype, Shape shape, const std::vector<T>& values) {
  return *Tensor::Copy(dtype, std::move(shape), std::as_bytes(std::span(values)));
}
Tensor Floats(const std::vector<float>& values) {
  return Make(DType::kF32, Shape{static_cast<int64_t>(values.size())}, values);
}
Difference Diff(const std::vector<float>& a, const std::vector<float>& b,
                const Tolerance& tolerance = {}) {
  return *Compare(Floats(a), Floats(b), tolerance);
}

TEST(Metrics, OfEqualTensorsAreZero) {
  const Difference d = Diff({1, -2, 0, kNan, kInf}, {1, -2, 0, kNan, kInf});
  EXPECT_EQ(d.elements, 5);
  EXPECT_EQ(d.different, 0);
  EXPECT_EQ(d.outside, 0);
  EXPECT_EQ(d.max_abs, 0);
  EXPECT_EQ(d.max_rel, 0);
  EXPECT_EQ(d.nmse, 0);
  EXPECT_EQ(d.cosine, 1);
  EXPECT_EQ(d.max_ulp, 0u);
  EXPECT_EQ(d.worst, -1);
  EXPECT_TRUE(d.within());
}

TEST(Metrics, AreThoseComputedByHand) {
  // a - b = {0, 1, -2}; b^2 sums to 1 + 9 + 16 = 26, a^2 to 1 + 16 + 4 = 21, ab to 1 + 12 + 8 = 21.
  const Difference d = Diff({1, 4, 2}, {1, 3, 4});
  EXPECT_EQ(d.different, 2);
  EXPECT_DOUBLE_EQ(d.max_abs, 2);
  EXPECT_DOUBLE_EQ(d.max_rel, 0.5);  // 2 of 4, against 1 of 4
  EXPECT_DOUBLE_EQ(d.scale, 4);
  EXPECT_DOUBLE_EQ(d.scaled, 0.5);
  EXPECT_DOUBLE_EQ(d.nmse, 5.0 / 26);
  EXPECT_DOUBLE_EQ(d.cosine, 21 / std::sqrt(21.0 * 26));
  EXPECT_EQ(d.worst, 2);
  EXPECT_EQ(d.rows, 1);
  EXPECT_EQ(d.flips, 1);  // the largest was the third, and is the second
}

TEST(Metrics, CountEachNonFiniteMismatchAndLeaveItOutOfErrors) {
  const Difference d = Diff({kNan, 1, kInf, -kInf, 5}, {1, kNan, -kInf, -kInf, 4});
  EXPECT_EQ(d.nonfinite, 3);
  EXPECT_EQ(d.different, 4);
  EXPECT_EQ(d.outside, 4);
  EXPECT_EQ(d.max_abs, 1);
  EXPECT_EQ(d.worst, 0);
  EXPECT_FALSE(d.within());
  // However much is allowed.
  EXPECT_EQ(Diff({kNan}, {1}, {1e9, 1e9}).outside, 1);
}

TEST(Metrics, SayNothingWhereNothingIsFinite) {
  const Difference d = Diff({kInf, kNan}, {1, 2});
  EXPECT_EQ(d.nonfinite, 2);
  EXPECT_TRUE(std::isnan(d.max_abs));
  EXPECT_TRUE(std::isnan(d.max_rel));
  EXPECT_TRUE(std::isnan(d.nmse));
  EXPECT_TRUE(std::isnan(d.cosine));
  EXPECT_EQ(d.scaled, std::numeric_limits<double>::infinity());
  EXPECT_FALSE(d.within());
}

TEST(Metrics, OfZerosAndEmptyTensors) {
  const Difference zeros = Diff({0, -0.0f}, {0, 0});
  EXPECT_EQ(zeros.different, 0);
  EXPECT_EQ(zeros.cosine, 1);
  EXPECT_EQ(zeros.scaled, 0);
  // Against a baseline of zeros, no scale is left.
  const Difference from_zero = Diff({0, 1e-30f}, {0, 0});
  EXPECT_TRUE(std::isinf(from_zero.scaled));
  EXPECT_TRUE(std::isinf(from_zero.nmse));
  EXPECT_EQ(from_zero.max_rel, 1);
  EXPECT_EQ(from_zero.cosine, 0);
  EXPECT_EQ(from_zero.outside, 1);
  const Difference none = Diff({}, {});
  EXPECT_EQ(none.elements, 0);
  EXPECT_EQ(none.cosine, 1);
  EXPECT_EQ(none.rows, 0);
  EXPECT_TRUE(none.within());
}

TEST(Metrics, UlpCountsNumbersAcrossZeroToo) {
  const float one = 1, next = std::nextafter(1.0f, 2.0f);
  EXPECT_EQ(UlpDistance(DType::kF32, &one, &next), 1u);
  const float least = std::numeric_limits<float>::denorm_min(), minus = -least;
  EXPECT_EQ(UlpDistance(DType::kF32, &minus, &least), 2u);
  const float zero = 0, minus_zero = -0.0f;
  EXPECT_EQ(UlpDistance(DType::kF32, &zero, &minus_zero), 0u);
  const float most = std::numeric_limits<float>::max(), lowest = -most;
  EXPECT_EQ(UlpDistance(DType::kF32, &most, &lowest), 2u * 0x7f7fffffu);
  const uint16_t half = FloatToHalf(2), below = static_cast<uint16_t>(half - 1);
  EXPECT_EQ(UlpDistance(DType::kF16, &half, &below), 1u);
  const double d = 1, e = std::nextafter(std::nextafter(1.0, 0), 0);
  EXPECT_EQ(UlpDistance(DType::kF64, &d, &e), 2u);
  const double top = std::numeric_limits<double>::max(), bottom = -top;
  EXPECT_EQ(UlpDistance(DType::kF64, &top, &bottom), 2 * 0x7fefffffffffffffull);
  EXPECT_EQ(Diff({1, next}, {1, 1}).max_ulp, 1u);
}

TEST(Metrics, LargeAndTinyValuesNeitherOverflowNorVanish) {
  const auto doubles = [](const std::vector<double>& values) {
    return Make(DType::kF64, Shape{static_cast<int64_t>(values.size())}, values);
  };
  const Difference large = *Compare(doubles({1e300, 2e300}), doubles({1e300, 1e300}), {});
  EXPECT_DOUBLE_EQ(large.nmse, 0.5);
  EXPECT_NEAR(large.cosine, 3 / std::sqrt(10.0), 1e-12);
  const Difference tiny = *Compare(doubles({1e-300, 2e-300}), doubles({1e-300, 1e-300}), {});
  EXPECT_NEAR(tiny.nmse, 0.5, 1e-12);
  EXPECT_NEAR(tiny.cosine, 3 / std::sqrt(10.0), 1e-12);
}

TEST(Metrics, OfIntegersAndBoolsAreCounts) {
  const Difference d = *Compare(Make<int64_t>(DType::kI64, Shape{4}, {1, 2, 3, 9}),
                                Make<int64_t>(DType::kI64, Shape{4}, {1, 2, 4, 4}), {});
  EXPECT_EQ(d.different, 2);
  EXPECT_EQ(d.outside, 2);
  EXPECT_EQ(d.max_abs, 5);
  EXPECT_EQ(d.worst, 3);
  EXPECT_EQ(d.rows, 0);
  EXPECT_FALSE(d.is_float());
  // Not told apart as doubles, but different.
  const int64_t big = int64_t{1} << 62;
  const Difference close = *Compare(Make<int64_t>(DType::kI64, Shape{1}, {big + 1}),
                                    Make<int64_t>(DType::kI64, Shape{1}, {big}), {});
  EXPECT_EQ(close.different, 1);
  EXPECT_EQ(close.outside, 1);
  const Difference bools = *Compare(Make<uint8_t>(DType::kBool, Shape{2}, {0, 1}),
                                    Make<uint8_t>(DType::kBool, Shape{2}, {1, 1}), {});
  EXPECT_EQ(bools.different, 1);
}

TEST(Metrics, ArgMaxFlipsAreRowsOfTheLastAxis) {
  const Difference d = *Compare(Make<float>(DType::kF32, Shape{3, 2}, {1, 2, 5, 4, 7, 7}),
                                Make<float>(DType::kF32, Shape{3, 2}, {2, 1, 5, 3, 7, 6}), {});
  EXPECT_EQ(d.rows, 3);
  EXPECT_EQ(d.flips, 1);
  const Difference column = *Compare(Make<float>(DType::kF32, Shape{2, 1}, {1, 2}),
                                     Make<float>(DType::kF32, Shape{2, 1}, {2, 1}), {});
  EXPECT_EQ(column.rows, 0);
}

TEST(Metrics, AnotherShapeOrDtypeIsAnError) {
  const auto shape = Compare(Make<float>(DType::kF32, Shape{2, 1}, {1, 2}), Floats({1, 2}), {});
  EXPECT_EQ(shape.status().message(), "is float32[2,1], but float32[2] in the baseline");
  const auto dtype = Compare(Make<int32_t>(DType::kI32, Shape{2}, {1, 2}), Floats({1, 2}), {});
  EXPECT_EQ(dtype.status().message(), "is int32[2], but float32[2] in the baseline");
}

TEST(Metrics, IndicesAreThoseOfTheShape) {
  EXPECT_EQ(IndexText(Shape{2, 3, 4}, 23), "[1,2,3]");
  EXPECT_EQ(IndexText(Shape{}, 0), "[]");
}

TEST(Tolerance, ComesFromTheDtypeUnlessItIsGiven) {
  // 1e-4 of the scale, whatever the element.
  EXPECT_TRUE(Diff({1000, 0.09f}, {1000, 0}).within());
  EXPECT_FALSE(Diff({1000, 0.11f}, {1000, 0}).within());
  EXPECT_FALSE(Diff({1000, 0.09f}, {1000, 0}, {1e-3, {}}).within());
  EXPECT_TRUE(Diff({1000, 0.5f}, {1000, 0}, {1.0, 0.0}).within());
  EXPECT_TRUE(Diff({110}, {100}, {0.0, 0.1}).within());
  EXPECT_FALSE(Diff({110.1f}, {100}, {0.0, 0.1}).within());
}

TEST(Tolerance, IsGivenForAllOutputsOrForOne) {
  const auto parsed = PerOutput::Parse({"1e-3", "logits:0.5", "a/b:1:2"}, "--atol");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->Of("logits:0"), 0.5);
  EXPECT_EQ(parsed->Of("a/b:1"), 2);
  EXPECT_EQ(parsed->Of("other"), 1e-3);
  EXPECT_FALSE(PerOutput().Of("other").has_value());
  EXPECT_TRUE(parsed->CheckNames({"logits", "a/b:1"}, "--atol").ok());
  EXPECT_EQ(parsed->CheckNames({"logits"}, "--atol").message(),
            "--atol: there is no output 'a/b:1'; the outputs are logits");
}

TEST(Tolerance, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "x", "-1", "nan", "inf", "1e-3x", "logits:", ":1", "logits:-1"}) {
    const auto parsed = PerOutput::Parse({text}, "--rtol");
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().message(), "--rtol: '" + std::string(text) +
                                             "' is no tolerance: expected a number of 0 or more, "
                                             "as 1e-3, or OUTPUT:1e-3");
  }
  EXPECT_FALSE(PerOutput::Parse({"1", "2"}, "--rtol").ok());
  EXPECT_FALSE(PerOutput::Parse({"a:1", "a:0:2"}, "--rtol").ok());
}

}  // namespace
}  // namespace midstream::compare
