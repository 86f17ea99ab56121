#include "core/formats/tensorflow/tensor_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/formats/tensorflow/protos.h"
#include "tests/core/formats/protos_testing.h"

namespace midstream::tensorflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
std::vector<T> Decode(const std::string& bytes) {
  auto tensor = DecodeTensor(bytes);
  EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
  if (!tensor.ok()) return {};
  auto span = tensor->template as<T>();
  return {span.begin(), span.end()};
}

std::string Head(int64_t type, const std::vector<int64_t>& dims) {
  return NumberField(1, static_cast<uint64_t>(type)) + BytesField(2, ShapeProto(dims));
}

TEST(TensorProto, RawBytesWin) {
  std::string bytes = FloatTensor({2}, {9.0f}) + BytesField(4, std::string("\0\0\x80?\0\0\0@", 8));
  EXPECT_THAT(Decode<float>(bytes), ElementsAre(1.0f, 2.0f));
}

TEST(TensorProto, FewerValuesRepeatTheLast) {
  EXPECT_THAT(Decode<float>(FloatTensor({4}, {1.0f, 2.0f})), ElementsAre(1, 2, 2, 2));
  EXPECT_THAT(Decode<int32_t>(IntTensor({3}, {-7})), ElementsAre(-7, -7, -7));
}

TEST(TensorProto, NoValueMeansZeros) {
  EXPECT_THAT(Decode<float>(FloatTensor({2}, {})), ElementsAre(0, 0));
  EXPECT_THAT(Decode<int32_t>(IntTensor({0}, {})), ElementsAre());
  EXPECT_THAT(Decode<int64_t>(IntTensor({}, {}, kInt64)), ElementsAre(0));
}

TEST(TensorProto, EveryListOfValues) {
  EXPECT_THAT(
      Decode<double>(Head(2, {1}) + Varint(6 << 3 | 1) + std::string("\0\0\0\0\0\0\xf8?", 8)),
      ElementsAre(1.5));
  EXPECT_THAT(Decode<uint8_t>(Head(4, {2}) + NumberField(7, 255) + NumberField(7, 1)),
              ElementsAre(255, 1));
  EXPECT_THAT(Decode<int16_t>(Head(5, {1}) + NumberField(7, static_cast<uint64_t>(-2))),
              ElementsAre(-2));
  EXPECT_THAT(Decode<int64_t>(IntTensor({1}, {int64_t{1} << 40}, kInt64)),
              ElementsAre(int64_t{1} << 40));
  EXPECT_THAT(Decode<uint8_t>(IntTensor({2}, {1, 0}, kBool)), ElementsAre(1, 0));
  EXPECT_THAT(Decode<uint16_t>(Head(19, {1}) + NumberField(13, 0x3c00)), ElementsAre(0x3c00));
  EXPECT_THAT(Decode<uint16_t>(Head(14, {1}) + NumberField(13, 0x3f80)), ElementsAre(0x3f80));
  EXPECT_THAT(Decode<uint32_t>(Head(22, {1}) + NumberField(16, 4000000000u)),
              ElementsAre(4000000000u));
  EXPECT_THAT(Decode<uint64_t>(Head(23, {1}) + NumberField(17, ~uint64_t{0})),
              ElementsAre(~uint64_t{0}));
}

TEST(TensorProto, Refusals) {
  const struct {
    std::string bytes;
    Code code;
    const char* why;
  } rows[] = {
      {"\x0a", Code::kDataLoss, "protobuf"},
      {FloatTensor({1}, {1.0f, 2.0f}), Code::kDataLoss, "2 values"},
      {Head(kFloat, {2}) + BytesField(4, "abc"), Code::kDataLoss, "3 bytes"},
      {FloatTensor({-1}, {}), Code::kDataLoss, "not fully known"},
      {FloatTensor({-5}, {}), Code::kDataLoss, "-5"},
      {FloatTensor({int64_t{1} << 40, int64_t{1} << 40}, {}), Code::kDataLoss, "too many"},
      {FloatTensor({int64_t{1} << 32}, {1.0f}), Code::kResourceExhausted, "repeats"},
      {Head(8, {1}), Code::kUnimplemented, "complex64"},
      {Head(99, {1}), Code::kUnimplemented, "unknown type 99"},
      {StringTensor({"a"}), Code::kUnimplemented, "string"},
  };
  for (const auto& row : rows) {
    auto tensor = DecodeTensor(row.bytes);
    ASSERT_FALSE(tensor.ok()) << row.why;
    EXPECT_EQ(tensor.status().code(), row.code) << tensor.status().ToString();
    EXPECT_THAT(std::string(tensor.status().message()), HasSubstr(row.why));
  }
}

TEST(TensorProto, Strings) {
  std::string bytes = StringTensor({"a", "", "b/c"});
  auto strings = DecodeStringTensor(bytes);
  ASSERT_TRUE(strings.ok());
  EXPECT_THAT(*strings, ElementsAre("a", "", "b/c"));
  std::string numbers = IntTensor({1}, {1});
  EXPECT_FALSE(DecodeStringTensor(numbers).ok());
}

TEST(Protos, TypesAndReferences) {
  EXPECT_EQ(DTypeFromProto(1), DType::kF32);
  EXPECT_EQ(DTypeFromProto(101), DType::kF32);  // a reference
  EXPECT_EQ(DTypeFromProto(14), DType::kBF16);
  EXPECT_EQ(DTypeFromProto(20), DType::kInvalid);
  EXPECT_EQ(DTypeFromProto(-3), DType::kInvalid);
  EXPECT_EQ(DTypeFromProto(INT64_MAX), DType::kInvalid);
  EXPECT_EQ(ProtoTypeName(21), "variant");
}

TEST(Protos, Shapes) {
  auto shape = DecodeShape(ShapeProto({-1, 0, 3}));
  ASSERT_TRUE(shape.ok());
  EXPECT_EQ(*shape, Shape({-1, 0, 3}));
  EXPECT_EQ(*DecodeShape(std::string("\x12\x00", 2)), Shape({0}));  // an absent size is 0
  EXPECT_EQ(*DecodeShape(""), Shape({}));
  EXPECT_FALSE(DecodeShape(NumberField(3, 1))->rank_known());
  EXPECT_FALSE(DecodeShape("\x12").ok());
}

TEST(Protos, NodesWithoutNameOrOperatorAreRefused) {
  for (const std::string& node : {std::string(), BytesField(1, "a"), BytesField(2, "Relu")}) {
    std::string bytes = BytesField(2, BytesField(1, node));
    EXPECT_EQ(DecodeMetaGraph(bytes).status().code(), Code::kDataLoss);
  }
}

}  // namespace
}  // namespace midstream::tensorflow
