// Shape inference of convolutions and pooling.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/graph/infer_testing.h"

namespace midstream {
namespace {

using testing::HasSubstr;

constexpr int64_t kU = kUnknownDim;
constexpr int64_t kHuge = INT64_MAX;

std::string Conv(const Shape& x, const Shape& w, Attributes attrs = {}) {
  return Infer("Conv", {F32(x), F32(w)}, std::move(attrs));
}

TEST(ConvShape, Padding) {
  EXPECT_EQ(Conv({1, 2, 5, 5}, {4, 2, 3, 3}), "float32[1,4,3,3]");
  EXPECT_EQ(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"pads", IntList{1, 0, 1, 1}}}), "float32[1,4,5,4]");
  EXPECT_EQ(Conv({1, 2, 5, 6}, {4, 2, 3, 3},
                 {{"auto_pad", Text("SAME_UPPER")}, {"strides", IntList{2, 2}}}),
            "float32[1,4,3,3]");
  EXPECT_EQ(Conv({1, 2, 7, 7}, {4, 2, 3, 3}, {{"dilations", IntList{2, 3}}}), "float32[1,4,3,1]");
  EXPECT_EQ(Conv({1, 2, 5, 5}, {4, 2, 1, 1}, {{"pads", IntList{1, 1, 1, 1}}}), "float32[1,4,7,7]");
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 6, 3}), HasSubstr("a window of at most the padded size 5"));
  EXPECT_THAT(Conv({1, 2, 2, 2}, {4, 2, 4, 4}, {{"strides", IntList{9, 9}}}), HasSubstr("window"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3},
                   {{"auto_pad", Text("SAME_UPPER")}, {"pads", IntList{1, 1, 1, 1}}}),
              HasSubstr("no pads beside auto_pad"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"auto_pad", Text("SAME")}}), HasSubstr("'SAME'"));
}

TEST(ConvShape, RanksAndUnknowns) {
  EXPECT_EQ(Conv({1, 2, 5}, {4, 2, 3}), "float32[1,4,3]");
  EXPECT_EQ(Conv({1, 2, 5, 5, 5}, {4, 2, 3, 3, 3}), "float32[1,4,3,3,3]");
  EXPECT_EQ(Conv({kU, 2, kU, 5}, {4, 2, 3, 3}), "float32[?,4,?,3]");
  EXPECT_EQ(Conv({kU, kU, 5, 5}, {kU, kU, kU, 3}), "float32[?,?,?,3]");
  EXPECT_EQ(Infer("Conv", {Unknown(), F32({4, 2, 3, 3})}), "float32<unknown rank>");
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3}), HasSubstr("input 1 of rank 4"));
  EXPECT_THAT(Conv({1, 2}, {4, 2}), HasSubstr("rank 3 or more"));
}

TEST(ConvShape, Groups) {
  EXPECT_EQ(Conv({1, 6, 5, 5}, {6, 1, 3, 3}, {{"group", Int(6)}}), "float32[1,6,3,3]");
  EXPECT_THAT(Conv({1, 6, 5, 5}, {6, 1, 3, 3}, {{"group", Int(0)}}), HasSubstr("group >= 1"));
  EXPECT_THAT(Conv({1, 6, 5, 5}, {6, 1, 3, 3}, {{"group", Int(4)}}), HasSubstr("divisible"));
  EXPECT_THAT(Conv({1, 6, 5, 5}, {7, 3, 3, 3}, {{"group", Int(2)}}), HasSubstr("divisible"));
  EXPECT_THAT(Conv({1, 6, 5, 5}, {6, 2, 3, 3}), HasSubstr("6 input channels, got 2"));
}

TEST(ConvShape, BadAttributes) {
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"strides", IntList{0, 1}}}),
              HasSubstr("strides of at least 1, got 0"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"strides", IntList{1}}}), HasSubstr("2 strides"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"pads", IntList{-1, 0, 0, 0}}}),
              HasSubstr("pads of at least 0"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"dilations", IntList{kHuge, 1}}}),
              HasSubstr("too large"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"pads", IntList{kHuge, 0, kHuge, 0}}}),
              HasSubstr("too large"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"pads", IntList{kHuge / 2, 0, 0, 0}}}),
              HasSubstr("too many"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 3, 3}, {{"kernel_shape", IntList{3, 2}}}),
              HasSubstr("kernel_shape [3,3] as W has it"));
  EXPECT_THAT(Conv({1, 2, 5, 5}, {4, 2, 0, 3}), HasSubstr("at least one cell"));
  EXPECT_THAT(Infer("Conv", {F32({1, 2, 5, 5}), F32({4, 2, 3, 3}), F32({3})}), HasSubstr("bias"));
}

TEST(ConvShape, EmptyInputs) {
  EXPECT_EQ(Conv({0, 2, 5, 5}, {4, 2, 3, 3}), "float32[0,4,3,3]");
  EXPECT_EQ(Conv({1, 2, 0, 5}, {4, 2, 3, 3}, {{"auto_pad", Text("SAME_UPPER")}}),
            "float32[1,4,0,5]");
  EXPECT_EQ(Conv({1, 0, 5, 5}, {4, 0, 3, 3}), "float32[1,4,3,3]");
}

TEST(ConvShape, ChannelsLast) {
  Attributes attrs = {{"data_layout", Text("NHWC")}, {"weight_layout", Text("HWIO")}};
  EXPECT_EQ(InferMs("Conv", {F32({1, 28, 28, 1}), Of(DType::kF16, {5, 5, 1, 32})}, attrs),
            "float32[1,24,24,32]");
  attrs["activation"] = Text("Clip");
  attrs["activation_params"] = std::vector<double>{0, 6};
  attrs["output_dtype"] = Text("bfloat16");
  EXPECT_EQ(InferMs("Conv", {F32({1, 28, 28, 1}), F32({5, 5, 1, 32}), F32({32})}, attrs),
            "bfloat16[1,24,24,32]");
  EXPECT_THAT(
      InferMs("Conv", {F32({1, 1, 9, 9}), F32({5, 1, 3, 3})}, {{"weight_layout", Text("IOHW")}}),
      HasSubstr("OIHW or HWIO"));
}

TEST(PoolShape, Windows) {
  Attributes two = {{"kernel_shape", IntList{2, 2}}, {"strides", IntList{2, 2}}};
  EXPECT_EQ(Infer("MaxPool", {F32({1, 3, 5, 5})}, two), "float32[1,3,2,2]");
  EXPECT_EQ(InferMs("MaxPool", {F32({1, 5, 5, 3})},
                    {{"kernel_shape", IntList{2, 2}}, {"data_layout", Text("NHWC")}}),
            "float32[1,4,4,3]");
  two["ceil_mode"] = Int(1);
  EXPECT_EQ(Infer("MaxPool", {F32({1, 3, 5, 5})}, two), "float32[1,3,3,3]");
  two["auto_pad"] = Text("SAME_LOWER");
  EXPECT_EQ(Infer("AveragePool", {F32({1, 3, 5, 7})}, two), "float32[1,3,3,4]");
  EXPECT_EQ(Infer("MaxPool", {F32({0, 3, 4, 4})}, {{"kernel_shape", IntList{2, 2}}}),
            "float32[0,3,3,3]");
}

TEST(PoolShape, RoundingUpDropsWindowsThatStartInTheEndPadding) {
  Attributes attrs = {{"kernel_shape", IntList{2}},
                      {"strides", IntList{3}},
                      {"pads", IntList{0, 1}},
                      {"ceil_mode", Int(1)}};
  EXPECT_EQ(Infer("MaxPool", {F32({1, 1, 3})}, attrs), "float32[1,1,1]");
  EXPECT_EQ(Infer("MaxPool", {F32({1, 1, 4})}, attrs), "float32[1,1,2]");
}

TEST(PoolShape, Errors) {
  EXPECT_THAT(Infer("MaxPool", {F32({1, 3, 5, 5})}), HasSubstr("kernel_shape of 2 entries"));
  EXPECT_THAT(Infer("MaxPool", {F32({1, 3, 5, 5})}, {{"kernel_shape", IntList{0, 2}}}),
              HasSubstr("positive"));
  EXPECT_THAT(Infer("MaxPool", {F32({1, 3, 5, 5})},
                    {{"kernel_shape", IntList{2, 2}}, {"pads", IntList{0, 0, 2, 0}}}),
              HasSubstr("pads smaller than kernel_shape"));
  EXPECT_THAT(Infer("AveragePool", {I64({1, 3, 5, 5})}, {{"kernel_shape", IntList{2, 2}}}),
              HasSubstr("to be float"));
  EXPECT_EQ(Infer("MaxPool", {I64({1, 3, 5, 5})}, {{"kernel_shape", IntList{2, 2}}}),
            "int64[1,3,4,4]");
}

TEST(PoolShape, Global) {
  EXPECT_EQ(Infer("GlobalAveragePool", {F32({2, 3, 7, kU})}), "float32[2,3,1,1]");
  EXPECT_EQ(InferMs("GlobalAveragePool", {F32({2, 7, 7, 3})}, {{"data_layout", Text("NHWC")}}),
            "float32[2,1,1,3]");
  EXPECT_EQ(Infer("GlobalMaxPool", {Unknown()}), "float32<unknown rank>");
}

}  // namespace
}  // namespace midstream
