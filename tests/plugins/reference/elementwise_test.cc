// Elementwise operators of the reference plugin against values worked out by hand.
#include "tests/plugins/reference/reference_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::ElementsAre;

std::vector<float> Unary(const std::string& op, const std::vector<float>& x,
                         Attributes attrs = {}) {
  return Values<float>(Compute(op, {{F32({static_cast<int64_t>(x.size())}, x)}}, std::move(attrs)));
}

TEST(ReferenceUnary, Rounding) {
  EXPECT_THAT(Unary("Round", {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.4f}),
              ElementsAre(0, 2, 2, 0, -2, 2));
  EXPECT_THAT(Unary("Floor", {-1.5f, 1.5f}), ElementsAre(-2, 1));
  EXPECT_THAT(Unary("Ceil", {-1.5f, 1.5f}), ElementsAre(-1, 2));
}

TEST(ReferenceUnary, Functions) {
  EXPECT_THAT(Unary("Exp", {0, 1}), Near({1, 2.7182817f}));
  EXPECT_THAT(Unary("Log", {1, 0, -1}), Near({0, -kInf, kNan}));
  EXPECT_THAT(Unary("Sqrt", {4, 2}), Near({2, 1.4142135f}));
  EXPECT_THAT(Unary("Reciprocal", {4, 0}), Near({0.25f, kInf}));
  EXPECT_THAT(Unary("Erf", {0, 1, -kInf}), Near({0, 0.84270079f, -1}));
  EXPECT_THAT(Unary("Tanh", {0.5f}), Near({0.46211716f}));
  EXPECT_THAT(Unary("Sigmoid", {0, 100, -100}), Near({0.5f, 1, 0}));
  EXPECT_THAT(Unary("Softplus", {0, 100, -100}), Near({0.69314718f, 100, 0}));
  EXPECT_THAT(Unary("Softsign", {3, -1}), Near({0.75f, -0.5f}));
}

TEST(ReferenceUnary, Activations) {
  EXPECT_THAT(Unary("Relu", {-1, 0, 2, kNan}), Near({0, 0, 2, kNan}));
  EXPECT_THAT(Unary("LeakyRelu", {-1, 2}), Near({-0.01f, 2}));
  EXPECT_THAT(Unary("LeakyRelu", {-1, 2}, {{"alpha", Real(0.5)}}), Near({-0.5f, 2}));
  EXPECT_THAT(Unary("Elu", {-1, 2}), Near({-0.63212056f, 2}));
  EXPECT_THAT(Unary("Selu", {-1, 1}), Near({-1.1113307f, 1.0507010f}));
  EXPECT_THAT(
      Values<float>(Compute("Clip", {{F32({3}, {-9, 1, 9})}, {F32({}, {0})}, {F32({}, {6})}})),
      ElementsAre(0, 1, 6));
  EXPECT_THAT(Values<float>(Compute("Clip", {{F32({2}, {-9, 9})}, kAbsent, {F32({}, {6})}})),
              ElementsAre(-9, 6));
}

TEST(ReferenceUnary, Integers) {
  EXPECT_THAT(Values<int32_t>(Compute("Abs", {{I32({3}, {-3, 3, INT32_MIN})}})),
              ElementsAre(3, 3, INT32_MIN));
  EXPECT_THAT(Values<int64_t>(Compute("Neg", {{I64({2}, {INT64_MIN, 5})}})),
              ElementsAre(INT64_MIN, -5));
  EXPECT_THAT(Values<int32_t>(Compute("Sign", {{I32({3}, {-7, 0, 7})}})), ElementsAre(-1, 0, 1));
  EXPECT_THAT(Values<uint8_t>(Compute("Not", {{Bool({2}, {0, 1})}})), ElementsAre(1, 0));
}

TEST(ReferenceBinary, Broadcasting) {
  Tensor column = F32({2, 1}, {10, 20});
  Tensor row = F32({3}, {1, 2, 3});
  EXPECT_THAT(Values<float>(Compute("Add", {{column}, {row}})),
              ElementsAre(11, 12, 13, 21, 22, 23));
  EXPECT_THAT(Values<float>(Compute("Sub", {{row}, {column}})),
              ElementsAre(-9, -8, -7, -19, -18, -17));
  Tensor empty = Compute("Mul", {{F32({2, 0}, {})}, {column}});
  EXPECT_EQ(empty.shape(), Shape({2, 0}));
  EXPECT_THAT(Values<float>(Compute("Max", {{column}, {row}, {F32({}, {12})}})),
              ElementsAre(12, 12, 12, 20, 20, 20));
  EXPECT_THAT(Values<float>(Compute("Min", {{row}})), ElementsAre(1, 2, 3));
  EXPECT_THAT(Values<float>(Compute("Max", {{F32({2}, {kNan, 1})}, {F32({2}, {1, kNan})}})),
              Near({kNan, kNan}));
}

TEST(ReferenceBinary, IntegerDivisionAndRemainder) {
  Tensor a = I32({6}, {7, -7, 7, -7, 5, INT32_MIN});
  Tensor b = I32({6}, {2, 2, -2, -2, 0, -1});
  EXPECT_THAT(Values<int32_t>(Compute("Div", {{a}, {b}})), ElementsAre(3, -3, -3, 3, 0, INT32_MIN));
  EXPECT_THAT(Values<int32_t>(Compute("Mod", {{a}, {b}})), ElementsAre(1, 1, -1, -1, 5, 0));
  EXPECT_THAT(Values<int32_t>(Compute("Mod", {{a}, {b}}, {{"fmod", Int(1)}})),
              ElementsAre(1, -1, 1, -1, 5, 0));
  EXPECT_THAT(Values<float>(
                  Compute("Mod", {{F32({2}, {-7.5f, 7.5f})}, {F32({}, {2})}}, {{"fmod", Int(1)}})),
              ElementsAre(-1.5f, 1.5f));
  EXPECT_THAT(Values<int64_t>(Compute("Div", {{I64({1}, {INT64_MIN})}, {I64({}, {-1})}})),
              ElementsAre(INT64_MIN));
}

TEST(ReferenceBinary, IntegersStayExact) {
  int64_t large = (int64_t{1} << 53) + 1;
  EXPECT_THAT(Values<int64_t>(Compute("Add", {{I64({1}, {large})}, {I64({1}, {2})}})),
              ElementsAre(large + 2));
  EXPECT_THAT(Values<int64_t>(Compute("Mul", {{I64({1}, {INT64_MAX})}, {I64({1}, {2})}})),
              ElementsAre(-2));
  auto u64 = [](std::vector<uint64_t> v) { return Make(DType::kU64, {2}, v); };
  EXPECT_THAT(Values<uint64_t>(Compute("Max", {{u64({~0ull, 1})}, {u64({1, 2})}})),
              ElementsAre(~0ull, 2u));
  auto u8 = [](std::vector<uint8_t> v) { return Make(DType::kU8, {2}, v); };
  EXPECT_THAT(Values<uint8_t>(Compute("Sub", {{u8({1, 200})}, {u8({2, 100})}})),
              ElementsAre(255, 100));
}

TEST(ReferenceBinary, Pow) {
  EXPECT_THAT(Values<float>(Compute("Pow", {{F32({3}, {2, 4, -8})}, {F32({3}, {3, 0.5f, 2})}})),
              Near({8, 2, 64}));
  EXPECT_THAT(Values<int32_t>(
                  Compute("Pow", {{I32({5}, {3, 2, -1, 0, 5})}, {I32({5}, {4, -1, -3, 0, 0})}})),
              ElementsAre(81, 0, -1, 1, 1));
  EXPECT_THAT(Values<int32_t>(Compute("Pow", {{I32({1}, {9})}, {F32({1}, {0.5f})}})),
              ElementsAre(3));
}

TEST(ReferenceBinary, ComparisonAndLogic) {
  Tensor a = F32({4}, {1, 2, 3, kNan});
  Tensor b = F32({4}, {2, 2, 2, kNan});
  EXPECT_THAT(Values<uint8_t>(Compute("Equal", {{a}, {b}})), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(Values<uint8_t>(Compute("Greater", {{a}, {b}})), ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(Values<uint8_t>(Compute("GreaterOrEqual", {{a}, {b}})), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(Values<uint8_t>(Compute("Less", {{a}, {b}})), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(Values<uint8_t>(Compute("LessOrEqual", {{a}, {b}})), ElementsAre(1, 1, 0, 0));
  Tensor x = Bool({4}, {0, 0, 1, 1});
  Tensor y = Bool({4}, {0, 1, 0, 1});
  EXPECT_THAT(Values<uint8_t>(Compute("And", {{x}, {y}})), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(Values<uint8_t>(Compute("Or", {{x}, {y}})), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(Values<uint8_t>(Compute("Xor", {{x}, {y}})), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(
      Values<float>(Compute("Where", {{Bool({2, 1}, {1, 0})}, {F32({2}, {1, 2})}, {F32({}, {9})}})),
      ElementsAre(1, 2, 9, 9));
}

TEST(ReferenceCast, FloatToIntegerTruncatesAndSaturates) {
  Tensor x = F32({6}, {1.9f, -1.9f, 300, -300, kNan, kInf});
  EXPECT_THAT(Values<int32_t>(Compute("Cast", {{x}}, {{"to", Text("int32")}})),
              ElementsAre(1, -1, 300, -300, 0, INT32_MAX));
  EXPECT_THAT(Values<int8_t>(Compute("Cast", {{x}}, {{"to", Text("int8")}})),
              ElementsAre(1, -1, 127, -128, 0, 127));
  EXPECT_THAT(Values<uint8_t>(Compute("Cast", {{x}}, {{"to", Int(2)}})),
              ElementsAre(1, 0, 255, 0, 0, 255));
  EXPECT_THAT(Values<uint8_t>(Compute("Cast", {{F32({3}, {0, -0.1f, 2})}}, {{"to", Text("bool")}})),
              ElementsAre(0, 1, 1));
}

TEST(ReferenceCast, IntegersWrapAndRoundOnce) {
  EXPECT_THAT(Values<int8_t>(Compute("Cast", {{I32({2}, {300, -129})}}, {{"to", Text("int8")}})),
              ElementsAre(44, 127));
  int64_t x = (int64_t{1} << 54) + (int64_t{1} << 30) + 1;  // just above a tie of float32
  EXPECT_THAT(Values<float>(Compute("Cast", {{I64({1}, {x})}}, {{"to", Text("float32")}})),
              ElementsAre(0x1.000002p54f));
  EXPECT_THAT(Values<float>(Compute("Cast", {{Make<uint64_t>(DType::kU64, {1}, {~0ull})}},
                                    {{"to", Text("float32")}})),
              ElementsAre(0x1p64f));
}

// Every half and bfloat16 survives a round trip, and float32 rounds as the core rounds.
TEST(ReferenceCast, SixteenBitFloats) {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  for (DType dtype : {DType::kF16, DType::kBF16}) {
    Tensor wide = Compute("Cast", {{Make(dtype, {65536}, all)}}, {{"to", Text("float32")}});
    for (size_t i = 0; i < all.size(); ++i) {
      float want = dtype == DType::kF16 ? HalfToFloat(all[i]) : BFloat16ToFloat(all[i]);
      float got = wide.as<float>()[i];
      ASSERT_TRUE(got == want || (std::isnan(got) && std::isnan(want))) << i;
    }
    std::vector<float> between;
    for (float x : wide.as<float>()) {
      float scaled = x * 1.00048828125f;  // 1 + 2^-11: a tie in half, off it after rounding
      if (!std::isnan(x)) between.insert(between.end(), {x, scaled, std::nextafter(scaled, 9e9f)});
    }
    Tensor narrow = Compute("Cast", {{F32({static_cast<int64_t>(between.size())}, between)}},
                            {{"to", Text(std::string(DTypeName(dtype)))}});
    for (size_t i = 0; i < between.size(); ++i) {
      uint16_t want = dtype == DType::kF16 ? FloatToHalf(between[i]) : FloatToBFloat16(between[i]);
      ASSERT_EQ(narrow.as<uint16_t>()[i], want) << between[i];
    }
  }
}

TEST(ReferenceCast, DoubleToHalfRoundsOnce) {
  // Above the tie between 1 and 1 + 2^-10 by less than a float32 can tell.
  Tensor x = Make<double>(DType::kF64, {2}, {1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11});
  EXPECT_THAT(Values<uint16_t>(Compute("Cast", {{x}}, {{"to", Text("float16")}})),
              ElementsAre(0x3c01, 0x3c00));
}

}  // namespace
}  // namespace midstream::plugin_testing
