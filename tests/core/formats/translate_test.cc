#include "core/formats/tensorflow/translate.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/core/formats/model_testing.h"

namespace midstream::tensorflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
const std::pair<std::string, std::string> kT = {"T", TypeAttr(kFloat)};

class Translate : public ModelTest {
 protected:
  static MetaWriter Image() {
    MetaWriter meta;
    meta.Placeholder("x", {2, 8, 9, 3}).Variable("w", {3, 3, 3, 4}).Variable("b", {3});
    return meta;
  }

  static Attrs Window(const std::string& padding, const std::vector<int64_t>& strides) {
    return {kT, {"strides", IntsAttr(strides)}, {"padding", StringAttr(padding)}};
  }

  std::string WhyNot(const MetaWriter& meta, Code code) {
    auto built = Build(meta, {"y"});
    EXPECT_EQ(built.status().code(), code) << built.status().ToString();
    return std::string(built.status().message());
  }
};

TEST_F(Translate, NamesOfTensorsStay) {
  MetaWriter meta;
  meta.Placeholder("a/x", {2, 6}).Variable("a/w", {6, 4});
  meta.Node("a/w/read", "Identity", {"a/w"}).Node("a/y", "MatMul", {"a/x", "a/w/read"}, {kT});
  Graph graph = MustBuild(meta, {"a/y:0"});
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "a/y");
  EXPECT_EQ(graph.output_names()[0], "a/y:0");
  EXPECT_EQ(graph.value(graph.weights()[0]).name, "a/w");
  EXPECT_THAT(Ops(graph), ElementsAre("MatMul"));
}

TEST_F(Translate, ConvolutionWithChannelsLast) {
  MetaWriter meta = Image();
  meta.Node("y", "Conv2D", {"x", "w"}, Window("SAME", {1, 2, 2, 1}));
  Graph graph = MustBuild(meta, {"y"});
  const Node* conv = FindNode(graph, "Conv");
  ASSERT_NE(conv, nullptr);
  EXPECT_EQ(conv->String("auto_pad", ""), "SAME_UPPER");
  EXPECT_THAT(conv->Ints("strides"), ElementsAre(2, 2));
  EXPECT_EQ(graph.value(conv->inputs[1]).shape, Shape({4, 3, 3, 3}));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({2, 4, 5, 4}));
}

TEST_F(Translate, ConvolutionWithChannelsFirstAndExplicitPadding) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3, 8, 9}).Variable("w", {3, 3, 3, 4});
  Attrs attrs = Window("EXPLICIT", {1, 1, 1, 1});
  attrs.push_back({"data_format", StringAttr("NCHW")});
  attrs.push_back({"explicit_paddings", IntsAttr({0, 0, 0, 0, 1, 2, 3, 4})});
  meta.Node("y", "Conv2D", {"x", "w"}, attrs);
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_THAT(FindNode(graph, "Conv")->Ints("pads"), ElementsAre(1, 3, 2, 4));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({2, 4, 9, 14}));
}

TEST_F(Translate, DepthwiseConvolutionIsGrouped) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 8, 9, 3}).Variable("w", {3, 3, 3, 2});
  meta.Node("y", "DepthwiseConv2dNative", {"x", "w"}, Window("VALID", {1, 1, 1, 1}));
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_EQ(FindNode(graph, "Conv")->Int("group", 1), 3);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({2, 6, 7, 6}));
}

TEST_F(Translate, WindowsThatMakeNoSense) {
  for (const char* op : {"MaxPool", "AvgPool"}) {
    for (const std::vector<int64_t>& strides :
         {std::vector<int64_t>{1, 0, 0, 1}, {1, -1, 1, 1}, {}, {1, 1, 1}, {1, kEnd, 1, 1}}) {
      MetaWriter meta = Image();
      Attrs attrs = Window("VALID", strides);
      attrs.push_back({"ksize", IntsAttr({1, 2, 2, 1})});
      meta.Node("y", op, {"x"}, attrs);
      EXPECT_THAT(WhyNot(meta, Code::kInvalidArgument), HasSubstr("node 'y'"));
    }
  }
  MetaWriter padding = Image();
  padding.Node("y", "Conv2D", {"x", "w"}, Window("NONE", {1, 1, 1, 1}));
  EXPECT_THAT(WhyNot(padding, Code::kInvalidArgument), HasSubstr("'NONE'"));
  MetaWriter batch = Image();
  batch.Node("y", "Conv2D", {"x", "w"}, Window("SAME", {2, 1, 1, 1}));
  EXPECT_THAT(WhyNot(batch, Code::kUnimplemented), HasSubstr("batch"));
  MetaWriter inputs = Image();
  inputs.Node("y", "Conv2D", {"x"}, Window("SAME", {1, 1, 1, 1}));
  EXPECT_THAT(WhyNot(inputs, Code::kInvalidArgument), HasSubstr("expected 2"));
}

TEST_F(Translate, BatchNormalisation) {
  auto meta = [](bool training) {
    MetaWriter writer = Image();
    writer.Node("y", "FusedBatchNormV3", {"x", "b", "b", "b", "b"},
                {kT, {"is_training", BoolAttr(training)}, {"epsilon", FloatAttr(0.5f)}});
    return writer;
  };
  Graph graph = MustBuild(meta(false), {"y"});
  EXPECT_EQ(FindNode(graph, "BatchNormalization")->Float("epsilon", 0), 0.5);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({2, 8, 9, 3}));
  Graph training = MustBuild(meta(true), {"y"});  // by the statistics of the batch
  EXPECT_THAT(Ops(training), testing::Not(testing::Contains("BatchNormalization")));
  EXPECT_NE(FindNode(training, "ReduceMean"), nullptr);
}

// Graphs of the first versions do not have attributes that came later.
TEST_F(Translate, TypesThatOldGraphsDoNotName) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 6}).Ints("axis", {}, {1});
  meta.Node("shape", "Shape", {"x"}, {kT}).Node("arg", "ArgMax", {"x", "axis"}, {kT});
  Graph graph = MustBuild(meta, {"shape", "arg"});
  EXPECT_EQ(graph.value(graph.outputs()[0]).dtype, DType::kI32);
  EXPECT_EQ(graph.value(graph.outputs()[1]).dtype, DType::kI64);
}

TEST_F(Translate, LocalResponseNormalisationScalesAlpha) {
  MetaWriter meta = Image();
  meta.Node("y", "LRN", {"x"}, {kT, {"depth_radius", IntAttr(2)}, {"alpha", FloatAttr(0.5f)}});
  Graph graph = MustBuild(meta, {"y"});
  const Node* lrn = FindNode(graph, "LRN");
  EXPECT_EQ(lrn->Int("size", 0), 5);
  EXPECT_EQ(lrn->Float("alpha", 0), 2.5);
}

TEST_F(Translate, BiasOfAxisOne) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3, 8, 9}).Variable("b", {3});
  meta.Node("y", "BiasAdd", {"x", "b"}, {kT, {"data_format", StringAttr("NCHW")}});
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_EQ(graph.value(FindNode(graph, "Add")->inputs[1]).shape, Shape({3, 1, 1}));
}

TEST_F(Translate, ReductionsAndNoAxes) {
  MetaWriter meta = Image();
  meta.Ints("axes", {2}, {1, -2}).Ints("none", {0}, {});
  meta.Node("m", "Mean", {"x", "axes"}, {kT, {"keep_dims", BoolAttr(true)}});
  meta.Node("y", "Sum", {"m", "none"}, {kT});
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({2, 1, 1, 3}));
  EXPECT_THAT(InputInts(graph, *FindNode(graph, "ReduceMean"), 1), ElementsAre(1, -2));
}

TEST_F(Translate, StridedSliceWithEveryMask) {
  MetaWriter meta = Image();  // x[:, ..., newaxis, 1, ::-1]
  meta.Ints("begin", {5}, {9, 9, 9, 1, 9}).Ints("end", {5}, {9, 9, 9, 9, 9});
  meta.Ints("strides", {5}, {1, 1, 1, 1, -1});
  meta.Node("y", "StridedSlice", {"x", "begin", "end", "strides"},
            {kT,
             {"begin_mask", IntAttr(1 | 16)},
             {"end_mask", IntAttr(1 | 16)},
             {"ellipsis_mask", IntAttr(2)},
             {"new_axis_mask", IntAttr(4)},
             {"shrink_axis_mask", IntAttr(8)}});
  Graph graph = MustBuild(meta, {"y"});
  const Node* slice = FindNode(graph, "Slice");
  EXPECT_THAT(InputInts(graph, *slice, 1), ElementsAre(0, 1, kEnd));
  EXPECT_THAT(InputInts(graph, *slice, 2),
              ElementsAre(kEnd, 2, std::numeric_limits<int64_t>::min()));
  EXPECT_THAT(InputInts(graph, *slice, 3), ElementsAre(0, 2, 3));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({2, 8, 1, 3}));
}

// tf.strided_slice without strides.
TEST_F(Translate, StridedSliceWithFilledStrides) {
  MetaWriter meta;
  meta.Placeholder("x", {6, 5}).Ints("begin", {2}, {1, 0}).Ints("end", {2}, {4, 3});
  meta.Ints("two", {1}, {2}).Ints("one", {}, {1});
  meta.Node("strides", "Fill", {"two", "one"});
  meta.Node("y", "StridedSlice", {"x", "begin", "end", "strides"}, {kT});
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({3, 3}));
}

TEST_F(Translate, StridedSliceRefusals) {
  auto meta = [](const std::vector<int64_t>& begin, const std::vector<int64_t>& strides) {
    MetaWriter writer = Image();
    writer.Ints("begin", {static_cast<int64_t>(begin.size())}, begin).Ints("end", {2}, {1, 1});
    writer.Ints("strides", {static_cast<int64_t>(strides.size())}, strides);
    writer.Node("y", "StridedSlice", {"x", "begin", "end", "strides"}, {kT});
    return writer;
  };
  EXPECT_THAT(WhyNot(meta({0, 0}, {1, 0}), Code::kInvalidArgument), HasSubstr("stride of 0"));
  EXPECT_THAT(WhyNot(meta({0}, {1, 1}), Code::kInvalidArgument), HasSubstr("lengths"));
}

TEST_F(Translate, PartsKeepTheirNames) {
  MetaWriter meta;
  meta.Placeholder("x", {6, 3}).Ints("axis", {}, {0});
  meta.Node("s", "Split", {"axis", "x"}, {kT, {"num_split", IntAttr(2)}});
  meta.Node("u", "Unpack", {"s:1"}, {kT, {"num", IntAttr(3)}, {"axis", IntAttr(0)}});
  Graph graph = MustBuild(meta, {"s", "u:2"});
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "s");
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({3, 3}));
  EXPECT_EQ(graph.value(graph.outputs()[1]).name, "u:2");
  EXPECT_EQ(graph.value(graph.outputs()[1]).shape, Shape({3}));
}

TEST_F(Translate, TooManyParts) {
  MetaWriter meta;
  meta.Placeholder("x", {6, 3}).Ints("axis", {}, {0});
  meta.Node("y", "Split", {"axis", "x"}, {kT, {"num_split", IntAttr(int64_t{1} << 40)}});
  EXPECT_THAT(WhyNot(meta, Code::kInvalidArgument), HasSubstr("parts"));
}

TEST_F(Translate, PaddingIsSortedBySide) {
  MetaWriter meta;
  meta.Placeholder("x", {6, 3}).Ints("pads", {2, 2}, {1, 2, 3, 4});
  meta.Node("y", "Pad", {"x", "pads"}, {kT});
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_THAT(InputInts(graph, *FindNode(graph, "Pad"), 1), ElementsAre(1, 3, 2, 4));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({9, 10}));
}

TEST_F(Translate, OldSelectChoosesRows) {
  MetaWriter meta;
  meta.Placeholder("c", {6}, kBool).Placeholder("x", {6, 3});
  meta.Node("y", "Select", {"c", "x", "x"}, {kT});
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_EQ(graph.value(FindNode(graph, "Where")->inputs[0]).shape, Shape({6, 1}));
}

TEST_F(Translate, ConditionalsAreChoices) {
  MetaWriter meta;
  meta.Placeholder("x", {6, 3}).Placeholder("p", {}, kBool).Node("s", "Switch", {"x", "p"});
  meta.Node("neg", "Neg", {"s"}, {kT}).Node("exp", "Exp", {"s:1"}, {kT});
  meta.Node("y", "Merge", {"neg", "exp"}, {kT});
  Graph graph = MustBuild(meta, {"y"});
  const Node* where = FindNode(graph, "Where");
  ASSERT_NE(where, nullptr);
  EXPECT_EQ(graph.value(where->inputs[0]).name, "p");
  EXPECT_EQ(graph.value(where->inputs[1]).name, "exp");
  EXPECT_EQ(graph.value(where->inputs[2]).name, "neg");
  for (uint8_t value : {0, 1}) {  // a known predicate leaves one branch
    auto built = Build(meta, {"y"}, {}, {{"p", Tensor::Scalar(DType::kBool, value)}});
    ASSERT_TRUE(built.ok());
    EXPECT_THAT(Ops(built->graph), ElementsAre(value ? "Exp" : "Neg"));
  }
}

// As batch normalisation after batch normalisation, each behind the same training flag.
TEST_F(Translate, ConditionalsFollowEachOther) {
  MetaWriter meta;
  meta.Placeholder("x", {6, 3}).Placeholder("p", {}, kBool);
  std::string from = "x";
  for (const std::string i : {"1", "2", "3"}) {
    meta.Node("s" + i, "Switch", {from, "p"});
    meta.Node("neg" + i, "Neg", {"s" + i}, {kT}).Node("exp" + i, "Exp", {"s" + i + ":1"}, {kT});
    meta.Node("y" + i, "Merge", {"neg" + i, "exp" + i}, {kT});
    from = "y" + i;
  }
  EXPECT_THAT(Ops(MustBuild(meta, {"y3"})),
              ElementsAre("Exp", "Neg", "Where", "Exp", "Neg", "Where", "Exp", "Neg", "Where"));
  auto built = Build(meta, {"y3"}, {}, {{"p", Tensor::Scalar<uint8_t>(DType::kBool, 1)}});
  ASSERT_TRUE(built.ok());
  EXPECT_THAT(Ops(built->graph), ElementsAre("Exp", "Exp", "Exp"));
}

TEST_F(Translate, ControlEdgesAreDropped) {
  MetaWriter meta;
  meta.Placeholder("x", {6}).Placeholder("unused", {1}).Node("check", "Assert", {"unused"});
  meta.Node("y", "Relu", {"x", "^check", "^gone"}, {kT});
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_THAT(Ops(graph), ElementsAre("Relu"));
  EXPECT_EQ(graph.inputs().size(), 1u);
}

TEST_F(Translate, LoopsAndCyclesEnd) {
  MetaWriter cycle;
  cycle.Placeholder("x", {6}).Node("a", "Add", {"x", "y"}, {kT}).Node("y", "Relu", {"a"}, {kT});
  EXPECT_THAT(WhyNot(cycle, Code::kInvalidArgument), HasSubstr("cycle"));
  MetaWriter identities;
  identities.Node("a", "Identity", {"y"}).Node("y", "Identity", {"a"});
  EXPECT_THAT(WhyNot(identities, Code::kInvalidArgument), HasSubstr("cycle"));
  identities.Placeholder("x", {}).Variable("w", {}).Node("m", "AddN", {"a", "x", "w"}, {kT});
  EXPECT_NE(Open(identities), nullptr);  // looking for outputs ends as well
  MetaWriter loop;
  loop.Placeholder("x", {6}).Node("enter", "Enter", {"x"}, {kT});
  loop.Node("y", "Merge", {"enter", "next"}, {kT}).Node("next", "NextIteration", {"y"}, {kT});
  EXPECT_THAT(WhyNot(loop, Code::kUnimplemented), HasSubstr("is part of the loop"));
  MetaWriter itself;  // a conditional that its own result decides
  itself.Placeholder("x", {}, kBool).Node("s", "Switch", {"x", "y"});
  itself.Node("not", "LogicalNot", {"s"}).Node("y", "Merge", {"not", "s:1"});
  EXPECT_THAT(WhyNot(itself, Code::kUnimplemented), HasSubstr("a loop?"));
  MetaWriter merges;  // merges that read each other
  merges.Node("a", "Merge", {"y", "y"}).Node("y", "Merge", {"a", "a"});
  EXPECT_THAT(WhyNot(merges, Code::kInvalidArgument), HasSubstr("cycle"));
}

TEST_F(Translate, UnsupportedNodesAreAllListed) {
  MetaWriter meta;
  meta.Placeholder("x", {6}).Node("a", "Foo", {"x"}).Node("b", "Foo", {"x"});
  meta.Node("c", "Bar", {"a", "b"}).Node("y", "Relu", {"c"}, {kT});
  std::string why = WhyNot(meta, Code::kUnimplemented);
  EXPECT_THAT(why, HasSubstr("3 nodes"));
  EXPECT_THAT(why, HasSubstr("'Bar' 1, 'Foo' 2"));
  for (const char* node : {"'a' (Foo)", "'b' (Foo)", "'c' (Bar)"})
    EXPECT_THAT(why, HasSubstr(node));
}

}  // namespace
}  // namespace midstream::tensorflow
