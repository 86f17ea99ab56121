#include "core/passes/fuse.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/passes/batch_norm.h"
#include "tests/core/passes/passes_testing.h"

namespace midstream::passes {
namespace {

class FuseTest : public testing::Test {
 protected:
  ValueId Op(const std::string& op, std::vector<ValueId> inputs, Attributes attrs = {}) {
    return graph_.Add(op, op, std::move(inputs), std::move(attrs));
  }
  ValueId Weight(const std::string& name, Shape shape) {
    return graph_.AddWeight(name, DType::kF32, std::move(shape));
  }
  ValueId Scalar(float value) {
    return graph_.AddConstant("scalar", Tensor::Scalar(DType::kF32, value));
  }
  // [?,2,4,4] -> [?,3,4,4]
  ValueId Conv() {
    ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 2, 4, 4});
    return Op("Conv", {x, Weight("w", {3, 2, 1, 1})});
  }
  // [?,4] -> [?,3]
  ValueId MatMul() {
    ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 4});
    return Op("MatMul", {x, Weight("w", {4, 3})});
  }
  std::string Fused(ValueId y, const std::vector<std::string>& keep = {}) {
    graph_.AddOutput(y, "y");
    return Check([&] { return Fuse(graph_, keep); });
  }
  std::string NormFolded(ValueId y, const std::vector<std::string>& keep = {}) {
    graph_.AddOutput(y, "y");
    return Check([&] { return FoldBatchNorm(graph_, keep); });
  }
  const Node& Last() const { return graph_.nodes().back(); }

  Graph graph_;

 private:
  template <typename Pass>
  std::string Check(Pass pass) {
    Status status = Prepare(graph_);
    if (status.ok()) status = pass();
    if (status.ok()) status = InferShapes(graph_, nullptr);
    if (status.ok()) status = Verify(graph_);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return Operators(graph_);
  }
};

TEST_F(FuseTest, ConvBiasAndActivation) {
  ValueId x = Op("Add", {Weight("b", {3, 1, 1}), Conv()});
  EXPECT_EQ(Fused(Op("LeakyRelu", {x}, {{"alpha", 0.25}})), "Reshape midstream.Conv");
  EXPECT_EQ(Last().name, "Conv");
  EXPECT_EQ(Last().String("activation", ""), "LeakyRelu");
  EXPECT_EQ(std::get<std::vector<double>>(Last().attrs.at("activation_params")),
            std::vector<double>{0.25});
  EXPECT_EQ(graph_.value(Last().inputs[2]).shape, Shape({3}));
}

TEST_F(FuseTest, ClipWithOneBound) {
  ValueId x = Op("Clip", {Conv(), kNoValue, Scalar(6)});
  EXPECT_EQ(Fused(x), "midstream.Conv");
  auto params = std::get<std::vector<double>>(Last().attrs.at("activation_params"));
  EXPECT_EQ(params, (std::vector<double>{-HUGE_VAL, 6}));
}

TEST_F(FuseTest, ClipWithAComputedBoundStays) {
  ValueId bound = graph_.AddInput("bound", DType::kF32, {});
  EXPECT_EQ(Fused(Op("Clip", {Conv(), bound})), "Conv Clip");
}

TEST_F(FuseTest, MatMulWithTransposedWeight) {
  ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 5, 4});
  ValueId w = Op("Transpose", {Weight("w", {3, 4})});
  x = Op("Relu", {Op("Add", {Op("MatMul", {x, w}), Weight("b", {3})})});
  EXPECT_EQ(Fused(x), "midstream.MatMul");
  EXPECT_EQ(Last().Int("transpose_b", 0), 1);
  EXPECT_EQ(Last().inputs[1], graph_.weights()[0]);
}

TEST_F(FuseTest, Gemm) {
  ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 4});
  x = Op("Gemm", {x, Weight("w", {3, 4}), Weight("b", {1, 3})}, {{"transB", int64_t{1}}});
  EXPECT_EQ(Fused(Op("Tanh", {x})), "Reshape midstream.MatMul");
  EXPECT_EQ(Last().Int("transpose_b", 0), 1);
  EXPECT_FALSE(Last().Has("transB"));
}

TEST_F(FuseTest, GemmThatScalesStays) {
  ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 4});
  x = Op("Gemm", {x, Weight("w", {4, 3})}, {{"alpha", 0.5}});
  EXPECT_EQ(Fused(Op("Relu", {x})), "Gemm Relu");
}

TEST_F(FuseTest, AValueThatIsReadTwiceStaysAvailable) {
  ValueId conv = Conv();
  ValueId relu = Op("Relu", {conv});
  EXPECT_EQ(Fused(Op("Add", {relu, conv})), "Conv Relu Add");
}

TEST_F(FuseTest, AValueThatIsAnOutputStaysAvailable) {
  ValueId x = Op("Add", {MatMul(), Weight("b", {3})});
  graph_.AddOutput(x, "logits");
  EXPECT_EQ(Fused(Op("Relu", {x})), "midstream.MatMul Relu");
}

TEST_F(FuseTest, ABiasOfAnotherShapeStays) {
  // Along the columns of the image, and one for every channel but also wider than the result.
  ValueId x = Op("Add", {Conv(), Weight("a", {4})});
  EXPECT_EQ(Fused(x), "Conv Add");
}

TEST_F(FuseTest, AMatMulOfTwoActivationsStays) {
  ValueId x = graph_.AddInput("x", DType::kF32, {4, 4});
  EXPECT_EQ(Fused(Op("Relu", {Op("MatMul", {x, x})})), "MatMul Relu");
}

TEST_F(FuseTest, KeptNodesStay) {
  ValueId x = graph_.Add("Relu", "head/Relu", {Conv()});
  EXPECT_EQ(Fused(x, {"head"}), "Conv Relu");
}

class BatchNormTest : public FuseTest {
 protected:
  ValueId Norm(ValueId x, int64_t channels = 3) {
    std::vector<ValueId> inputs = {x};
    for (const char* name : {"scale", "bias", "mean", "variance"}) {
      inputs.push_back(Weight(name, {channels}));
    }
    return graph_.Add("BatchNormalization", "norm", inputs, {{"epsilon", 1e-3}});
  }
  // Operators that depend on inputs.
  std::string Data() {
    StaticValues is_static(graph_);
    std::string text;
    for (const Node& node : graph_.nodes()) {
      if (!is_static.Contains(node.outputs[0])) text += (text.empty() ? "" : " ") + node.op;
    }
    return text;
  }
};

TEST_F(BatchNormTest, FoldsIntoAConvWithBias) {
  ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 2, 4, 4});
  NormFolded(Norm(Op("Conv", {x, Weight("w", {3, 2, 1, 1}), Weight("b", {3})})));
  EXPECT_EQ(Data(), "Conv");
}

TEST_F(BatchNormTest, FoldsThroughTheAddOfABias) {
  NormFolded(Norm(Op("Add", {MatMul(), Weight("b", {3})})));
  EXPECT_EQ(Data(), "MatMul Add");
}

TEST_F(BatchNormTest, ElseBecomesMulAndAdd) {
  ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 3, 4, 4});
  NormFolded(Norm(x));
  EXPECT_EQ(Data(), "Mul Add");
}

TEST_F(BatchNormTest, AConvThatIsReadElsewhereKeepsItsWeights) {
  ValueId conv = Conv();
  graph_.AddOutput(conv, "features");
  NormFolded(Norm(conv));
  EXPECT_EQ(Data(), "Conv Mul Add");
  EXPECT_EQ(graph_.value(graph_.node(graph_.value(graph_.outputs()[0]).producer).inputs[1]).name,
            "w");
}

TEST_F(BatchNormTest, ParametersThatAreComputedStay) {
  ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 3, 4, 4});
  ValueId scale = graph_.AddInput("scale", DType::kF32, {3});
  ValueId b = Weight("b", {3});
  EXPECT_EQ(NormFolded(Op("BatchNormalization", {x, scale, b, b, b})), "BatchNormalization");
}

TEST_F(BatchNormTest, KeptNodesStay) {
  EXPECT_EQ(NormFolded(Norm(Conv()), {"norm"}), "Conv BatchNormalization");
}

TEST_F(BatchNormTest, AFactorAlongAnotherAxisStays) {
  EXPECT_EQ(NormFolded(Op("Mul", {Conv(), Weight("columns", {4})})), "Conv Mul");
}

}  // namespace
}  // namespace midstream::passes
