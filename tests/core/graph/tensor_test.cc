// Shapes, tensors, dtypes and the 16-bit float conversions.
#include "core/graph/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

namespace midstream {
namespace {

using testing::ElementsAre;

TEST(Shape, TextAndAccepts) {
  EXPECT_EQ(Shape({2, kUnknownDim}).ToString(), "[2,?]");
  EXPECT_EQ(Shape().ToString(), "[]");
  EXPECT_EQ(Shape::UnknownRank().ToString(), "<unknown rank>");
  EXPECT_TRUE(Shape({2, kUnknownDim}).Accepts({2, 7}));
  EXPECT_FALSE(Shape({2, kUnknownDim}).Accepts({3, 7}));
  EXPECT_FALSE(Shape({2}).Accepts({2, 1}));
  EXPECT_TRUE(Shape::UnknownRank().Accepts({1, 2, 3}));
  EXPECT_FALSE(Shape::UnknownRank().IsFullyKnown());
  EXPECT_NE(Shape(), Shape::UnknownRank());
}

TEST(Shape, CountsAreChecked) {
  EXPECT_EQ(*ElementCount({2, 3}), 6);
  EXPECT_EQ(*ElementCount({}), 1);
  EXPECT_EQ(*ElementCount({0, 5}), 0);
  EXPECT_FALSE(ElementCount({kUnknownDim}).ok());
  EXPECT_FALSE(ElementCount({INT64_MAX, 2}).ok());
  EXPECT_FALSE(ElementCount({0, INT64_MAX, 3}).ok());  // though the product is 0
  EXPECT_EQ(*ByteSize(DType::kF64, {3}), 24u);
  EXPECT_FALSE(ByteSize(DType::kF64, {int64_t{1} << 60}).ok());
  EXPECT_FALSE(ByteSize(DType::kString, {1}).ok());
}

TEST(Tensor, AllocatesAlignedAndCopies) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, {3});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 64, 0u);
  EXPECT_EQ(tensor.byte_size(), 12u);
  std::vector<float> values = {1, 2, 3};
  Tensor copy = *Tensor::Copy(DType::kF32, {3}, std::as_bytes(std::span(values)));
  EXPECT_THAT(copy.as<float>(), ElementsAre(1, 2, 3));
  EXPECT_FALSE(Tensor::Copy(DType::kF32, {2}, std::as_bytes(std::span(values))).ok());
  EXPECT_EQ(Tensor::Allocate(DType::kF32, {0}).status().code(), Code::kOk);
  EXPECT_TRUE(Tensor().empty());
}

TEST(Tensor, WrapKeepsItsOwner) {
  auto owner = std::make_shared<std::vector<float>>(2, 5.0f);
  std::weak_ptr<std::vector<float>> watch = owner;
  const float* data = owner->data();
  Tensor tensor = Tensor::Wrap(DType::kF32, {2}, data, std::move(owner));
  Tensor view = *tensor.Reshaped({2, 1});
  tensor = Tensor();
  EXPECT_FALSE(watch.expired());
  EXPECT_THAT(view.as<float>(), ElementsAre(5, 5));
  EXPECT_FALSE(view.Reshaped({3}).ok());
  view = Tensor();
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, ToInts) {
  std::vector<std::byte> odd(9);  // not aligned for int32
  int32_t values[2] = {-1, 7};
  std::memcpy(odd.data() + 1, values, sizeof values);
  Tensor tensor = Tensor::Wrap(DType::kI32, {2}, odd.data() + 1, nullptr);
  EXPECT_THAT(*tensor.ToInts(), ElementsAre(-1, 7));
  EXPECT_THAT(*Tensor::FromInts({3, 4}).ToInts(), ElementsAre(3, 4));
  EXPECT_FALSE(Tensor::Scalar<float>(DType::kF32, 1).ToInts().ok());
}

TEST(Tensor, BitEqualLooksAtBytesShapeAndDType) {
  Tensor zero = Tensor::Scalar<float>(DType::kF32, 0.0f);
  EXPECT_TRUE(BitEqual(zero, Tensor::Scalar<float>(DType::kF32, 0.0f)));
  EXPECT_FALSE(BitEqual(zero, Tensor::Scalar<float>(DType::kF32, -0.0f)));
  EXPECT_FALSE(BitEqual(zero, Tensor::Scalar<int32_t>(DType::kI32, 0)));
  EXPECT_FALSE(BitEqual(zero, *zero.Reshaped({1})));
}

TEST(DTypes, NamesAndAbiRoundTrip) {
  for (int i = 1; i <= static_cast<int>(DType::kString); ++i) {
    auto dtype = static_cast<DType>(i);
    EXPECT_EQ(DTypeFromName(DTypeName(dtype)), dtype);
    if (dtype != DType::kString) {
      EXPECT_EQ(FromAbi(ToAbi(dtype)), dtype);
    }
  }
  EXPECT_EQ(DTypeFromName("float"), DType::kInvalid);
  EXPECT_EQ(FromAbi({MS_DTYPE_FLOAT, 24, 1}), DType::kInvalid);
  EXPECT_EQ(FromAbi({MS_DTYPE_FLOAT, 32, 2}), DType::kInvalid);
}

TEST(DTypes, HalfRoundsToNearestEven) {
  EXPECT_EQ(FloatToHalf(1.0f), 0x3c00);
  EXPECT_EQ(FloatToHalf(-2.0f), 0xc000);
  EXPECT_EQ(FloatToHalf(0x1.002p0f), 0x3c00);  // a tie: down to even
  EXPECT_EQ(FloatToHalf(0x1.006p0f), 0x3c02);  // a tie: up to even
  EXPECT_EQ(FloatToHalf(65519.0f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);    // infinity
  EXPECT_EQ(FloatToHalf(0x1p-24f), 0x0001);    // the smallest
  EXPECT_EQ(FloatToHalf(0x1p-25f), 0x0000);    // a tie
  EXPECT_EQ(FloatToHalf(0x1.8p-24f), 0x0002);  // a tie
  EXPECT_EQ(FloatToHalf(-0.0f), 0x8000);
  EXPECT_EQ(FloatToHalf(NAN) & 0x7e00, 0x7e00);
}

TEST(DTypes, BFloat16RoundsToNearestEven) {
  EXPECT_EQ(FloatToBFloat16(1.0f), 0x3f80);
  EXPECT_EQ(FloatToBFloat16(0x1.01p0f), 0x3f80);  // a tie: down to even
  EXPECT_EQ(FloatToBFloat16(0x1.03p0f), 0x3f82);  // a tie: up to even
  EXPECT_EQ(FloatToBFloat16(3.4e38f), 0x7f80);    // infinity
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(std::bit_cast<float>(0x7f800001u)))));
}

TEST(DTypes, EverySixteenBitFloatSurvives) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    auto half = static_cast<uint16_t>(bits);
    float value = HalfToFloat(half);
    if (!std::isnan(value)) {
      ASSERT_EQ(FloatToHalf(value), half);
    }
    value = BFloat16ToFloat(half);
    if (!std::isnan(value)) {
      ASSERT_EQ(FloatToBFloat16(value), half);
    }
  }
}

}  // namespace
}  // namespace midstream
