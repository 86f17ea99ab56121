// Convolution, pooling and normalisation of the reference plugin against values worked out by hand.
#include "tests/plugins/reference/reference_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::Each;
using testing::ElementsAre;

Tensor Ramp(const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(*ElementCount(shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
  return F32(shape, values);
}
Tensor Ones(const Shape& shape) {
  return F32(shape, std::vector<float>(static_cast<size_t>(*ElementCount(shape)), 1.0f));
}

// 1 2 3
// 4 5 6
// 7 8 9
const Tensor kNine = Ramp({1, 1, 3, 3});

TEST(ReferenceConv, ValidAndExplicitPads) {
  EXPECT_THAT(Values<float>(Compute("Conv", {{kNine}, {Ones({1, 1, 2, 2})}})),
              ElementsAre(12, 16, 24, 28));
  EXPECT_THAT(Values<float>(Compute("Conv", {{kNine}, {Ones({1, 1, 3, 3})}},
                                    {{"pads", IntList{1, 1, 0, 0}}})),
              ElementsAre(12, 21, 27, 45));
}

TEST(ReferenceConv, SamePutsTheOddCellAtTheEnd) {
  // Window 2, stride 1: one cell of padding, below and to the right for SAME_UPPER.
  EXPECT_THAT(Values<float>(Compute("Conv", {{kNine}, {Ones({1, 1, 2, 2})}},
                                    {{"auto_pad", Text("SAME_UPPER")}})),
              ElementsAre(12, 16, 9, 24, 28, 15, 15, 17, 9));
  EXPECT_THAT(Values<float>(Compute("Conv", {{kNine}, {Ones({1, 1, 2, 2})}},
                                    {{"auto_pad", Text("SAME_LOWER")}})),
              ElementsAre(1, 3, 5, 5, 12, 16, 11, 24, 28));
  // Size 3, window 3, stride 2: one cell on either side.
  EXPECT_THAT(
      Values<float>(Compute("Conv", {{kNine}, {Ones({1, 1, 3, 3})}},
                            {{"auto_pad", Text("SAME_UPPER")}, {"strides", IntList{2, 2}}})),
      ElementsAre(12, 16, 24, 28));
}

TEST(ReferenceConv, DilationBiasAndChannels) {
  EXPECT_THAT(Values<float>(Compute("Conv", {{kNine}, {Ones({1, 1, 2, 2})}, {F32({1}, {0.5f})}},
                                    {{"dilations", IntList{2, 2}}})),
              ElementsAre(20.5f));
  // Two channels, two filters.
  EXPECT_THAT(Values<float>(Compute(
                  "Conv", {{F32({1, 2, 1, 1}, {3, 5})}, {F32({2, 2, 1, 1}, {1, 10, 100, 1000})}})),
              ElementsAre(53, 5300));
  // Depthwise with two outputs a channel.
  EXPECT_THAT(Values<float>(
                  Compute("Conv", {{F32({1, 2, 1, 1}, {3, 5})}, {F32({4, 1, 1, 1}, {1, 2, 3, 4})}},
                          {{"group", Int(2)}})),
              ElementsAre(3, 6, 15, 20));
}

TEST(ReferenceConv, OneAndThreeSpatialAxes) {
  EXPECT_THAT(Values<float>(Compute("Conv", {{Ramp({1, 1, 4})}, {F32({1, 1, 2}, {1, -1})}})),
              ElementsAre(-1, -1, -1));
  EXPECT_THAT(Values<float>(Compute("Conv", {{Ramp({1, 1, 2, 2, 2})}, {Ones({1, 1, 2, 2, 2})}})),
              ElementsAre(36));
}

TEST(ReferenceConv, EmptyBatchAndNoChannels) {
  EXPECT_EQ(Compute("Conv", {{F32({0, 1, 3, 3}, {})}, {Ones({1, 1, 2, 2})}}).shape(),
            Shape({0, 1, 2, 2}));
  EXPECT_THAT(Values<float>(Compute(
                  "Conv", {{F32({1, 0, 3, 3}, {})}, {F32({1, 0, 2, 2}, {})}, {F32({1}, {7})}})),
              ElementsAre(7, 7, 7, 7));
}

TEST(ReferenceConv, LayoutsAgree) {
  Tensor x = Ramp({2, 2, 4, 5});
  Tensor w = Ramp({3, 2, 2, 3});
  Attributes same = {{"auto_pad", Text("SAME_UPPER")}, {"strides", IntList{2, 1}}};
  Tensor want = Compute("Conv", {{x}, {w}}, same);
  Tensor x_last = Compute("Transpose", {{x}}, {{"perm", IntList{0, 2, 3, 1}}});
  Tensor w_last = Compute("Transpose", {{w}}, {{"perm", IntList{2, 3, 1, 0}}});
  Attributes last = same;
  last["data_layout"] = Text("NHWC");
  last["weight_layout"] = Text("HWIO");
  Tensor got = RunMs("Conv", {{x_last}, {w_last}}, last);
  EXPECT_TRUE(BitEqual(Compute("Transpose", {{got}}, {{"perm", IntList{0, 3, 1, 2}}}), want));
}

TEST(ReferenceConv, FusedActivations) {
  auto run = [](const std::string& activation, std::vector<double> params) {
    return Values<float>(RunMs("Conv", {{F32({1, 1, 3}, {-2, 0.5f, 9})}, {F32({1, 1, 1}, {1})}},
                               {{"activation", Text(activation)}, {"activation_params", params}}));
  };
  EXPECT_THAT(run("", {}), ElementsAre(-2, 0.5f, 9));
  EXPECT_THAT(run("Relu", {}), ElementsAre(0, 0.5f, 9));
  EXPECT_THAT(run("Clip", {0, 6}), ElementsAre(0, 0.5f, 6));
  EXPECT_THAT(run("LeakyRelu", {0.25}), ElementsAre(-0.5f, 0.5f, 9));
  EXPECT_THAT(run("Elu", {1}), Near({-0.86466472f, 0.5f, 9}));
  EXPECT_THAT(run("Sigmoid", {}), Near({0.11920292f, 0.62245933f, 0.99987661f}));
  EXPECT_THAT(run("Tanh", {}), Near({-0.96402758f, 0.46211716f, 1}));
}

TEST(ReferenceConv, MixedDTypes) {
  Tensor w = Make<uint16_t>(DType::kBF16, {1, 1, 1}, {FloatToBFloat16(1.5f)});
  Tensor y = RunMs("Conv", {{F32({1, 1, 1}, {2})}, {w}}, {{"output_dtype", Text("float16")}});
  EXPECT_EQ(y.dtype(), DType::kF16);
  EXPECT_THAT(Values<uint16_t>(y), ElementsAre(FloatToHalf(3.0f)));
}

TEST(ReferencePool, MaxIgnoresPadding) {
  Tensor negative = F32({1, 1, 3}, {-5, -3, -4});
  EXPECT_THAT(
      Values<float>(Compute("MaxPool", {{negative}},
                            {{"kernel_shape", IntList{2}}, {"auto_pad", Text("SAME_UPPER")}})),
      ElementsAre(-3, -3, -4));
  EXPECT_THAT(
      Values<int8_t>(Compute("MaxPool", {{Make<int8_t>(DType::kI8, {1, 1, 3}, {-5, -128, 4})}},
                             {{"kernel_shape", IntList{2}}, {"pads", IntList{1, 0}}})),
      ElementsAre(-5, -5, 4));
  // Both cells of the dilated window lie in the padding.
  EXPECT_THAT(
      Values<float>(Compute(
          "MaxPool", {{F32({1, 1, 1}, {3})}},
          {{"kernel_shape", IntList{2}}, {"dilations", IntList{2}}, {"pads", IntList{1, 1}}})),
      ElementsAre(-kInf));
}

TEST(ReferencePool, AverageDividesByCellsInside) {
  Attributes attrs = {
      {"kernel_shape", IntList{3, 3}}, {"pads", IntList{1, 1, 1, 1}}, {"strides", IntList{2, 2}}};
  EXPECT_THAT(Values<float>(Compute("AveragePool", {{kNine}}, attrs)), ElementsAre(3, 4, 6, 7));
  attrs["count_include_pad"] = Int(1);
  EXPECT_THAT(Values<float>(Compute("AveragePool", {{kNine}}, attrs)),
              Near({12 / 9.0f, 16 / 9.0f, 24 / 9.0f, 28 / 9.0f}));
}

TEST(ReferencePool, AverageOverSame) {
  EXPECT_THAT(Values<float>(Compute("AveragePool", {{kNine}},
                                    {{"kernel_shape", IntList{2, 2}},
                                     {"auto_pad", Text("SAME_UPPER")},
                                     {"strides", IntList{2, 2}}})),
              ElementsAre(3, 4.5f, 7.5f, 9));
}

TEST(ReferencePool, RoundingUpHangsOverTheEnd) {
  Attributes attrs = {{"kernel_shape", IntList{2}}, {"strides", IntList{2}}, {"ceil_mode", Int(1)}};
  Tensor x = Ramp({1, 1, 3});
  EXPECT_THAT(Values<float>(Compute("MaxPool", {{x}}, attrs)), ElementsAre(2, 3));
  EXPECT_THAT(Values<float>(Compute("AveragePool", {{x}}, attrs)), ElementsAre(1.5f, 3));
  attrs["count_include_pad"] = Int(1);  // a cell beyond the padding is not padding
  EXPECT_THAT(Values<float>(Compute("AveragePool", {{x}}, attrs)), ElementsAre(1.5f, 3));
}

TEST(ReferencePool, ChannelsLastAndGlobal) {
  Tensor x = F32({1, 2, 2, 2}, {1, 10, 2, 20, 3, 30, 4, 40});  // NHWC
  EXPECT_THAT(
      Values<float>(RunMs("MaxPool", {{x}},
                          {{"kernel_shape", IntList{2, 2}}, {"data_layout", Text("NHWC")}})),
      ElementsAre(4, 40));
  EXPECT_THAT(
      Values<float>(RunMs("AveragePool", {{x}},
                          {{"kernel_shape", IntList{1, 2}}, {"data_layout", Text("NHWC")}})),
      ElementsAre(1.5f, 15, 3.5f, 35));
  EXPECT_THAT(Values<float>(RunMs("GlobalAveragePool", {{x}}, {{"data_layout", Text("NHWC")}})),
              ElementsAre(2.5f, 25));
  EXPECT_THAT(Values<float>(Compute("GlobalAveragePool", {{kNine}})), ElementsAre(5));
  EXPECT_THAT(Values<float>(Compute("GlobalMaxPool", {{Ramp({1, 2, 2})}})), ElementsAre(2, 4));
}

TEST(ReferenceNormalization, BatchNormalization) {
  // (x - mean) / sqrt(var + eps) * scale + bias; eps 0.
  std::vector<NodeInput> parameters = {
      {F32({2}, {2, 3})}, {F32({2}, {0.5f, -1})}, {F32({2}, {1, 2})}, {F32({2}, {4, 9})}};
  auto run = [&](const Tensor& x, const std::string& domain, const std::string& layout) {
    std::vector<NodeInput> inputs = {{x}};
    inputs.insert(inputs.end(), parameters.begin(), parameters.end());
    Attributes attrs = {{"epsilon", Real(0)}};
    if (!layout.empty()) attrs["data_layout"] = Text(layout);
    return Values<float>(RunAll({"BatchNormalization", domain, attrs, inputs})[0]);
  };
  EXPECT_THAT(run(F32({1, 2, 2}, {1, 3, 2, 5}), "", ""), Near({0.5f, 2.5f, -1, 2}));
  EXPECT_THAT(run(F32({1, 2, 2}, {1, 2, 3, 5}), "midstream", "NHWC"), Near({0.5f, -1, 2.5f, 2}));
}

TEST(ReferenceNormalization, Lrn) {
  Attributes attrs = {{"size", Int(3)}, {"alpha", Real(3)}, {"beta", Real(1)}, {"bias", Real(1)}};
  Tensor x = F32({1, 3, 1}, {1, 2, 3});
  // Sums of squares: 1+4, 1+4+9, 4+9; alpha / size = 1.
  std::vector<float> want = {1 / 6.0f, 2 / 15.0f, 3 / 14.0f};
  EXPECT_THAT(Values<float>(Compute("LRN", {{x}}, attrs)), Near(want));
  attrs["data_layout"] = Text("NHWC");
  EXPECT_THAT(Values<float>(RunMs("LRN", {{F32({1, 1, 3}, {1, 2, 3})}}, attrs)), Near(want));
  // An even size reaches one channel further up.
  EXPECT_THAT(Values<float>(
                  Compute("LRN", {{x}}, {{"size", Int(2)}, {"alpha", Real(2)}, {"beta", Real(1)}})),
              Near({1 / 6.0f, 2 / 14.0f, 3 / 10.0f}));
}

TEST(ReferenceNormalization, Softmax) {
  Tensor x = F32({2, 2}, {0, std::log(3.0f), 1000, 1000});
  EXPECT_THAT(Values<float>(Compute("Softmax", {{x}})), Near({0.25f, 0.75f, 0.5f, 0.5f}));
  EXPECT_THAT(Values<float>(Compute("LogSoftmax", {{x}})),
              Near({std::log(0.25f), std::log(0.75f), std::log(0.5f), std::log(0.5f)}));
  EXPECT_THAT(Values<float>(Compute("Softmax", {{F32({2, 2}, {1, 2, 1, 2})}}, {{"axis", Int(0)}})),
              Each(0.5f));
  EXPECT_EQ(Compute("Softmax", {{F32({0, 3}, {})}}).shape(), Shape({0, 3}));
}

}  // namespace
}  // namespace midstream::plugin_testing
