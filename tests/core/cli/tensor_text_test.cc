#include "core/cli/tensor_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace midstream::cli {
namespace {

template <typename T>
Tensor Make(DType dtype, std::vector<T> values) {
  return *Tensor::Copy(dtype, Shape({static_cast<int64_t>(values.size())}),
                       std::as_bytes(std::span(values)));
}

TEST(TensorText, ShowsTheFirstValuesOfEachKind) {
  EXPECT_EQ(FirstValuesText(Make<float>(DType::kF32, {1.5f, -2, 3}), 2), "1.5 -2 ...");
  EXPECT_EQ(FirstValuesText(Make<double>(DType::kF64, {0.1}), 5), "0.1");
  EXPECT_EQ(FirstValuesText(Make<uint16_t>(DType::kF16, {0x3c00}), 5), "1");
  EXPECT_EQ(FirstValuesText(Make<uint16_t>(DType::kBF16, {0xc000}), 5), "-2");
  EXPECT_EQ(FirstValuesText(Make<int8_t>(DType::kI8, {-128}), 5), "-128");
  EXPECT_EQ(FirstValuesText(Make<uint64_t>(DType::kU64, {UINT64_MAX}), 5), "18446744073709551615");
  EXPECT_EQ(FirstValuesText(Make<uint8_t>(DType::kBool, {1, 0}), 5), "true false");
}

TEST(TensorText, ReadsUnalignedMemory) {
  std::vector<char> bytes(9);
  const float value = 2.5f;
  std::memcpy(bytes.data() + 1, &value, sizeof(value));
  EXPECT_EQ(FirstValuesText(Tensor::Wrap(DType::kF32, {1}, bytes.data() + 1, nullptr), 1), "2.5");
}

TEST(TensorText, WritesNumbersThatJsonLacksAsNull) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(FirstValuesJson(Make<float>(DType::kF32, {1, NAN, infinity}), 3).dump(),
            "[1.0,null,null]");
  EXPECT_EQ(FirstValuesJson(Make<int64_t>(DType::kI64, {7, 8}), 1).dump(), "[7]");
}

TEST(TensorText, WritesUnknownDimensionsAsNull) {
  EXPECT_EQ(ShapeJson(Shape({kUnknownDim, 784})).dump(), "[null,784]");
  EXPECT_EQ(ShapeJson(Shape()).dump(), "[]");
  EXPECT_EQ(ShapeJson(Shape::UnknownRank()).dump(), "null");
}

}  // namespace
}  // namespace midstream::cli
