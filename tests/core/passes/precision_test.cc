#include "core/passes/precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/passes/passes_testing.h"

namespace midstream::passes {
namespace {

using testing::HasSubstr;

TEST(PolicyForMode, KnowsEveryModeOfBothOptions) {
  struct Row {
    const char* name;
    DType matrix, matrix_output, other;
    bool follow;
  };
  constexpr DType kF32 = DType::kF32, kF16 = DType::kF16, kBF16 = DType::kBF16;
  constexpr Row kRows[] = {
      {"must_keep_origin_dtype", kF32, kF32, kF32, false},
      {"origin", kF32, kF32, kF32, false},
      {"allow_fp32_to_bf16", kF32, kF32, kF32, false},
      {"force_fp32", kF16, kF32, kF32, false},
      {"cube_fp16in_fp32out", kF16, kF32, kF32, false},
      {"allow_fp32_to_fp16", kF16, kF32, kF32, false},
      {"force_fp16", kF16, kF16, kF16, false},
      {"fp16", kF16, kF16, kF16, false},
      {"allow_mix_precision", kF16, kF16, kF32, true},
      {"allow_mix_precision_fp16", kF16, kF16, kF32, true},
      {"mixed_float16", kF16, kF16, kF32, true},
      {"allow_mix_precision_bf16", kBF16, kBF16, kF32, true},
      {"mixed_bfloat16", kBF16, kBF16, kF32, true},
  };
  for (const Row& row : kRows) {
    auto policy = PolicyForMode(row.name);
    ASSERT_TRUE(policy.ok()) << policy.status().ToString();
    EXPECT_EQ(policy->matrix, row.matrix) << row.name;
    EXPECT_EQ(policy->matrix_output, row.matrix_output) << row.name;
    EXPECT_EQ(policy->other, row.other) << row.name;
    EXPECT_EQ(policy->follow_operands, row.follow) << row.name;
  }
}

TEST(PolicyForMode, NamesTheNearestModeForHif8) {
  auto cube = PolicyForMode("cube_hif8");
  EXPECT_EQ(cube.status().code(), Code::kUnimplemented);
  EXPECT_THAT(std::string(cube.status().message()), HasSubstr("'cube_fp16in_fp32out'"));
  auto mixed = PolicyForMode("mixed_hif8");
  EXPECT_EQ(mixed.status().code(), Code::kUnimplemented);
  EXPECT_THAT(std::string(mixed.status().message()), HasSubstr("'mixed_bfloat16'"));
}

TEST(PolicyForMode, RefusesOtherNames) {
  for (const char* name : {"", "fp8", "FP16"}) {
    auto policy = PolicyForMode(name);
    EXPECT_EQ(policy.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(std::string(policy.status().message()), HasSubstr("mixed_float16"));
  }
}

// x -> MatMul(w) -> Relu -> Exp -> MatMul(v) -> y, with an ArgMax beside y.
class PrecisionTest : public testing::Test {
 protected:
  void SetUp() override {
    ValueId x = graph_.AddInput("x", DType::kF32, {kUnknownDim, 4});
    ValueId w = graph_.AddWeight("w", DType::kF32, {4, 4});
    ValueId v = graph_.AddWeight("v", DType::kF32, {4, 4});
    x = graph_.Add("MatMul", "first", {x, w});
    x = graph_.Add("Exp", "exp", {graph_.Add("Relu", "relu", {x})});
    x = graph_.Add("MatMul", "second", {x, v});
    graph_.AddOutput(x, "y");
    graph_.AddOutput(graph_.Add("ArgMax", "best", {x}), "best");
  }
  std::string Applied(const PrecisionPolicy& policy) {
    Status status = Prepare(graph_);
    if (status.ok()) status = ApplyPrecision(graph_, policy);
    if (status.ok()) status = InferShapes(graph_, nullptr);
    if (status.ok()) status = Verify(graph_);
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(graph_.value(graph_.inputs()[0]).dtype, DType::kF32);
    for (ValueId weight : graph_.weights()) EXPECT_EQ(graph_.value(weight).dtype, DType::kF32);
    EXPECT_EQ(graph_.value(graph_.outputs()[0]).dtype, DType::kF32);
    EXPECT_EQ(graph_.value(graph_.outputs()[1]).dtype, DType::kI64);
    return Operators(graph_);
  }
  DType ResultOf(std::string_view name) const {
    for (const Value& value : graph_.values()) {
      if (value.name == name) return value.dtype;
    }
    return DType::kInvalid;
  }
  Graph graph_;
};

TEST_F(PrecisionTest, OriginChangesNothing) {
  EXPECT_EQ(Applied({}), "MatMul Relu Exp MatMul ArgMax");
}

TEST_F(PrecisionTest, HalfEverywhereCastsInputsWeightsAndOutputs) {
  Applied(*PolicyForMode("force_fp16"));
  for (const char* name : {"first", "relu", "exp", "second", "x/Cast", "w/Cast", "v/Cast"}) {
    EXPECT_EQ(ResultOf(name), DType::kF16) << name;
  }
  EXPECT_EQ(ResultOf("second/Cast"), DType::kF32);
  EXPECT_EQ(graph_.nodes().size(), 9u);
}

TEST_F(PrecisionTest, HalfInFloatOutUsesTheOperatorsOwnOutput) {
  EXPECT_EQ(Applied(*PolicyForMode("cube_fp16in_fp32out")),
            "Cast Cast midstream.MatMul Relu Exp Cast Cast midstream.MatMul ArgMax");
  for (const Node& node : graph_.nodes()) {
    if (node.op == "MatMul") {
      EXPECT_EQ(node.String("output_dtype", ""), "float32");
    }
  }
}

TEST_F(PrecisionTest, MixedModesKeepSensitiveOperatorsInFloat) {
  Applied(*PolicyForMode("mixed_bfloat16"));
  EXPECT_EQ(ResultOf("first"), DType::kBF16);
  EXPECT_EQ(ResultOf("relu"), DType::kBF16);
  EXPECT_EQ(ResultOf("exp"), DType::kF32);
  EXPECT_EQ(ResultOf("second"), DType::kBF16);
}

TEST_F(PrecisionTest, KeptNodesStayFloat) {
  PrecisionPolicy policy = *PolicyForMode("force_fp16");
  policy.keep = {"first", "exp"};
  Applied(policy);
  EXPECT_EQ(ResultOf("first"), DType::kF32);
  EXPECT_EQ(ResultOf("w/Cast"), DType::kInvalid);
  EXPECT_EQ(ResultOf("exp"), DType::kF32);
  EXPECT_EQ(ResultOf("second"), DType::kF16);
}

TEST_F(PrecisionTest, KeepTakesScopes) {
  EXPECT_TRUE(IsKept({"conv1"}, "conv1/Conv2D/window"));
  EXPECT_TRUE(IsKept({"a", "conv1/Conv2D"}, "conv1/Conv2D"));
  EXPECT_FALSE(IsKept({"conv1"}, "conv10/Conv2D"));
  EXPECT_FALSE(IsKept({}, "conv1"));
}

TEST(Precision, IntegersBoolsAndOtherFloatsAreUntouched) {
  Graph graph;
  ValueId ids = graph.AddInput("ids", DType::kI64, {3});
  ValueId wide = graph.AddInput("wide", DType::kF64, {3});
  graph.AddOutput(graph.Add("Add", "sum", {ids, ids}), "sum");
  graph.AddOutput(graph.Add("Exp", "exp", {wide}), "exp");
  ASSERT_TRUE(Prepare(graph).ok());
  ASSERT_TRUE(ApplyPrecision(graph, *PolicyForMode("force_fp16")).ok());
  EXPECT_EQ(Operators(graph), "Add Exp");
}

TEST(Precision, WhatIsDerivedFromWeightsIsRoundedOnce) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {2, 4});
  ValueId w = graph.AddWeight("w", DType::kF32, {4});
  ValueId root = graph.Add("Sqrt", "root", {graph.Add("Exp", "exp", {w})});
  graph.AddOutput(graph.Add("Mul", "y", {x, root}), "y");
  ASSERT_TRUE(Prepare(graph).ok());
  ASSERT_TRUE(ApplyPrecision(graph, *PolicyForMode("force_fp16")).ok());
  ASSERT_TRUE(InferShapes(graph, nullptr).ok());
  EXPECT_EQ(Operators(graph), "Exp Sqrt Cast Cast Mul Cast");
}

}  // namespace
}  // namespace midstream::passes
