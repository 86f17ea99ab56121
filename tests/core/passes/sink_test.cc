#include "core/passes/sink.h"

#include <gtest/gtest.h>

#include "core/passes/layout.h"
#include "core/passes/simplify.h"
#include "tests/core/passes/passes_testing.h"

namespace midstream::passes {
namespace {

using IntList = std::vector<int64_t>;

class SinkTest : public testing::Test {
 protected:
  ValueId Op(const std::string& op, std::vector<ValueId> inputs, Attributes attrs = {}) {
    return graph_.Add(op, op, std::move(inputs), std::move(attrs));
  }
  ValueId Transposed(ValueId x, const IntList& perm) {
    return Op("Transpose", {x}, {{"perm", perm}});
  }
  ValueId Nhwc(ValueId x) { return Transposed(x, kNchwToNhwc); }
  // An NCHW input [?,3,4,5].
  ValueId Image(const std::string& name) {
    return graph_.AddInput(name, DType::kF32, {kUnknownDim, 3, 4, 5});
  }
  std::string Sunk(ValueId y) {
    graph_.AddOutput(y, "y");
    Status status = Prepare(graph_);
    Shape before = status.ok() ? graph_.value(graph_.outputs()[0]).shape : Shape();
    if (status.ok()) status = SinkTransposes(graph_);
    if (status.ok()) status = InferShapes(graph_, nullptr);
    if (status.ok()) status = Verify(graph_);
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(graph_.value(graph_.outputs()[0]).shape, before);
    return Operators(graph_);
  }
  const Node* Find(std::string_view op) const {
    for (const Node& node : graph_.nodes()) {
      if (node.op == op) return &node;
    }
    return nullptr;
  }
  Graph graph_;
};

TEST_F(SinkTest, MeetsItsInverseBehindElementwiseOperators) {
  ValueId bias = graph_.AddWeight("b", DType::kF32, {3});
  ValueId x = Op("Relu", {Op("Add", {Nhwc(Image("x")), bias})});
  EXPECT_EQ(Sunk(Transposed(x, kNhwcToNchw)), "Reshape Add Relu");
  // The bias, channels last, is reshaped to stand on axis 1.
  EXPECT_EQ(graph_.value(Find("Reshape")->outputs[0]).shape, Shape({3, 1, 1}));
}

TEST_F(SinkTest, ScalarsPassUnchanged) {
  ValueId one = graph_.AddConstant("one", Tensor::Scalar(DType::kF32, 1.0f));
  EXPECT_EQ(Sunk(Transposed(Op("Mul", {one, Nhwc(Image("x"))}), kNhwcToNchw)), "Mul");
}

TEST_F(SinkTest, AWeightThatVariesAlongTwoAxesIsTransposed) {
  ValueId w = graph_.AddWeight("w", DType::kF32, {4, 5, 3});
  ValueId x = Op("Add", {Nhwc(Image("x")), w});
  EXPECT_EQ(Sunk(Transposed(x, kNhwcToNchw)), "Reshape Transpose Add");
  EXPECT_EQ(CountDataTransposes(graph_), 0);
}

TEST_F(SinkTest, BranchesJoin) {
  ValueId x = Nhwc(Image("x"));
  ValueId swish = Op("Mul", {x, Op("Sigmoid", {x})});
  ValueId both = Op("Concat", {swish, Nhwc(Image("z"))}, {{"axis", int64_t{-1}}});
  EXPECT_EQ(Sunk(Transposed(both, kNhwcToNchw)), "Sigmoid Mul Concat");
  EXPECT_EQ(Find("Concat")->Int("axis", 0), 1);
}

TEST_F(SinkTest, AnUntransposedPartnerStopsIt) {
  ValueId other = graph_.AddInput("other", DType::kF32, {kUnknownDim, 4, 5, 3});
  EXPECT_EQ(Sunk(Op("Add", {Nhwc(Image("x")), other})), "Transpose Add");
}

TEST_F(SinkTest, PadAndSoftmaxFollow) {
  ValueId x = Op("Pad", {Nhwc(Image("x")), Ints(graph_, {0, 1, 2, 3, 0, 4, 5, 6})});
  x = Op("Softmax", {x}, {{"axis", int64_t{3}}});
  EXPECT_EQ(Sunk(Transposed(x, kNhwcToNchw)), "Pad Softmax");
  EXPECT_EQ(*ConstantInts(graph_, Find("Pad")->inputs[1]), (IntList{0, 3, 1, 2, 0, 6, 4, 5}));
  EXPECT_EQ(Find("Softmax")->Int("axis", 0), 1);
}

TEST_F(SinkTest, AMeanOverSpaceNeedsNoTranspose) {
  ValueId mean =
      Op("ReduceMean", {Nhwc(Image("x")), Ints(graph_, {1, -2})}, {{"keepdims", int64_t{0}}});
  EXPECT_EQ(Sunk(mean), "ReduceMean");
  EXPECT_EQ(*ConstantInts(graph_, Find("ReduceMean")->inputs[1]), (IntList{2, 3}));
}

TEST_F(SinkTest, AReductionThatReordersTheRestIsTransposed) {
  ValueId best = Op("ArgMax", {Nhwc(Image("x"))}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
  EXPECT_EQ(Sunk(best), "ArgMax Transpose");
  EXPECT_EQ(Find("ArgMax")->Int("axis", 0), 2);
  EXPECT_EQ(Find("Transpose")->Ints("perm"), (IntList{0, 2, 1}));
}

TEST_F(SinkTest, NeverEndsWithMoreTransposes) {
  ValueId x = Nhwc(Image("x"));
  ValueId flat = Op("Flatten", {x});
  graph_.AddOutput(Op("Relu", {x}), "relu");
  EXPECT_EQ(Sunk(flat), "Transpose Flatten Relu");
}

TEST_F(SinkTest, TransposesOfSizeOneBecomeReshapes) {
  ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 4, 5, 1});
  graph_.AddOutput(Transposed(x, kNhwcToNchw), "image");
  graph_.AddOutput(Transposed(Image("z"), kNchwToNhwc), "real");
  ASSERT_TRUE(Prepare(graph_).ok());
  TransposesToReshapes(graph_);
  EXPECT_EQ(Operators(graph_), "Reshape Transpose");
  ASSERT_TRUE(InferShapes(graph_, nullptr).ok());
  EXPECT_EQ(graph_.value(graph_.outputs()[0]).shape, Shape({kUnknownDim, 1, 4, 5}));
}

class LayoutTest : public SinkTest {};

TEST_F(LayoutTest, ReadsAnHwioWeightInPlace) {
  ValueId w = graph_.AddWeight("w", DType::kF32, {3, 3, 3, 8});
  ValueId conv = Op("Conv", {Image("x"), Transposed(w, kHwioToOihw)});
  graph_.AddOutput(conv, "y");
  ASSERT_TRUE(Prepare(graph_).ok());
  Shape before = graph_.value(graph_.outputs()[0]).shape;
  UseChannelsLast(graph_);
  ASSERT_TRUE(Prepare(graph_).ok());
  EXPECT_EQ(Operators(graph_), "Transpose midstream.Conv Transpose");
  EXPECT_EQ(Find("Conv")->String("weight_layout", ""), "HWIO");
  EXPECT_EQ(Find("Conv")->inputs[1], graph_.weights()[0]);
  EXPECT_EQ(graph_.value(graph_.outputs()[0]).shape, before);
}

TEST_F(LayoutTest, KeepsAnOihwWeightAndOtherRanks) {
  ValueId w = graph_.AddWeight("w", DType::kF32, {8, 3, 3, 3});
  graph_.AddOutput(Op("Conv", {Image("x"), w}), "y");
  ValueId line = graph_.AddInput("line", DType::kF32, {1, 2, 9});
  graph_.AddOutput(Op("MaxPool", {line}, {{"kernel_shape", IntList{3}}}), "z");
  ASSERT_TRUE(Prepare(graph_).ok());
  UseChannelsLast(graph_);
  ASSERT_TRUE(Prepare(graph_).ok());
  EXPECT_EQ(Operators(graph_), "MaxPool Transpose midstream.Conv Transpose");
  EXPECT_EQ(Find("Conv")->String("weight_layout", "OIHW"), "OIHW");
}

}  // namespace
}  // namespace midstream::passes
