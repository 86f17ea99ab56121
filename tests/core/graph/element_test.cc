#include "core/graph/element.h"

#include <gtest/gtest.h>

#include <cstring>

namespace midstream {
namespace {

TEST(ElementAsDouble, ReadsEveryDtype) {
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<float>(DType::kF32, -1.5f), 0), -1.5);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<double>(DType::kF64, 1e300), 0), 1e300);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<uint16_t>(DType::kF16, FloatToHalf(0.25f)), 0), 0.25);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<uint16_t>(DType::kBF16, FloatToBFloat16(3.0f)), 0), 3);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<int8_t>(DType::kI8, -128), 0), -128);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<int16_t>(DType::kI16, -300), 0), -300);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<int32_t>(DType::kI32, -70000), 0), -70000);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<uint8_t>(DType::kU8, 200), 0), 200);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<uint16_t>(DType::kU16, 60000), 0), 60000);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<uint32_t>(DType::kU32, 4000000000u), 0), 4e9);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<uint64_t>(DType::kU64, ~uint64_t{0}), 0), 0x1p64);
  EXPECT_EQ(ElementAsDouble(Tensor::Scalar<uint8_t>(DType::kBool, 1), 0), 1);
  EXPECT_EQ(ElementAsDouble(Tensor::FromInts({7, -8, 9}), 1), -8);
}

TEST(ElementAsDouble, ReadsAnyAlignment) {
  alignas(8) char bytes[1 + sizeof(double)] = {};
  const double value = 2.5;
  std::memcpy(bytes + 1, &value, sizeof value);
  EXPECT_EQ(ElementAsDouble(Tensor::Wrap(DType::kF64, {}, bytes + 1, nullptr), 0), 2.5);
}

}  // namespace
}  // namespace midstream
