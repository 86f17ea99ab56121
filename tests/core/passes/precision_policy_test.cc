#include "core/passes/precision_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace midstream::passes {
namespace {

using testing::HasSubstr;

TEST(PolicyForMode, KnowsEveryModeOfBothOptions) {
  struct Row {
    const char* name;
    PrecisionRule rule;
    DType low;
  };
  constexpr Row kRows[] = {
      {"must_keep_origin_dtype", PrecisionRule::kOrigin, DType::kF16},
      {"origin", PrecisionRule::kOrigin, DType::kF16},
      {"allow_fp32_to_bf16", PrecisionRule::kAllowLow, DType::kBF16},
      {"force_fp32", PrecisionRule::kMatrixIn, DType::kF16},
      {"cube_fp16in_fp32out", PrecisionRule::kMatrixIn, DType::kF16},
      {"allow_fp32_to_fp16", PrecisionRule::kAllowHalf, DType::kF16},
      {"force_fp16", PrecisionRule::kForce, DType::kF16},
      {"fp16", PrecisionRule::kForce, DType::kF16},
      {"allow_mix_precision", PrecisionRule::kMixed, DType::kF16},
      {"allow_mix_precision_fp16", PrecisionRule::kMixed, DType::kF16},
      {"mixed_float16", PrecisionRule::kMixed, DType::kF16},
      {"allow_mix_precision_bf16", PrecisionRule::kMixed, DType::kBF16},
      {"mixed_bfloat16", PrecisionRule::kMixed, DType::kBF16},
  };
  for (const Row& row : kRows) {
    auto policy = PolicyForMode(row.name);
    ASSERT_TRUE(policy.ok()) << policy.status().ToString();
    EXPECT_EQ(policy->mode, row.name);
    EXPECT_EQ(policy->rule, row.rule) << row.name;
    if (row.rule != PrecisionRule::kOrigin) {
      EXPECT_EQ(policy->low, row.low) << row.name;
    }
    for (std::string_view nearest : NearestModes(*policy)) {
      EXPECT_TRUE(PolicyForMode(nearest).ok()) << nearest;
      bool same =
          PolicyForMode(nearest)->rule == row.rule && PolicyForMode(nearest)->low == row.low;
      EXPECT_FALSE(same) << row.name << " offers itself";
    }
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

TEST(PrecisionLists, DefaultsAreTensorFlows) {
  PrecisionPolicy policy = *PolicyForMode("mixed_float16");
  for (const char* op : {"Conv", "MatMul", "Gemm", "Attention"}) {
    EXPECT_EQ(ListOf(policy, op), PrecisionList::kWhite) << op;
  }
  for (const char* op : {"Add", "Softmax", "Tanh", "BatchNormalization", "Relu", "Reshape", "Gelu",
                         "LayerNormalization", "RMSNormalization", "RotaryEmbedding"}) {
    EXPECT_EQ(ListOf(policy, op), PrecisionList::kGray) << op;
  }
  for (const char* op : {"Exp", "Pow", "ReduceMean", "ReduceSum"}) {
    EXPECT_EQ(ListOf(policy, op), PrecisionList::kBlack) << op;
  }
  for (const char* op : {"DepthwiseConv", "LRN", "Range"}) {
    EXPECT_EQ(ListOf(policy, op), PrecisionList::kNone) << op;
  }
}

TEST(PrecisionLists, TheUsersListsMoveOperators) {
  PrecisionPolicy policy = *PolicyForMode("mixed_float16");
  policy.white = {"ReduceMean"};
  policy.gray = {"MatMul"};
  policy.black = {"Relu"};
  EXPECT_EQ(ListOf(policy, "ReduceMean"), PrecisionList::kWhite);
  EXPECT_EQ(ListOf(policy, "MatMul"), PrecisionList::kGray);
  EXPECT_EQ(ListOf(policy, "Relu"), PrecisionList::kBlack);
  EXPECT_TRUE(CheckPolicy(policy).ok());
}

TEST(CheckPolicy, ListsBelongToTheMixedModes) {
  PrecisionPolicy policy = *PolicyForMode("force_fp16");
  policy.black = {"Relu"};
  Status status = CheckPolicy(policy);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("precision.mode is 'force_fp16'"));
}

TEST(CheckPolicy, NamesEveryUnknownOperatorAndDtype) {
  PrecisionPolicy policy = *PolicyForMode("mixed_float16");
  policy.white = {"MatMul", "Matmul"};
  policy.ops["Convolution"].dtype = DType::kF16;
  policy.nodes["fc1"].dtype = DType::kI32;
  std::string text(CheckPolicy(policy).message());
  EXPECT_THAT(text, HasSubstr("'Matmul'"));
  EXPECT_THAT(text, HasSubstr("'Convolution'"));
  EXPECT_THAT(text, HasSubstr("precision.node.\"fc1\" asks for int32"));
}

TEST(ListName, AConvOfEachChannelAloneIsDepthwise) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {1, 4, 8, 8});
  ValueId depthwise = graph.AddWeight("d", DType::kF32, {4, 1, 3, 3});
  ValueId grouped = graph.AddWeight("g", DType::kF32, {4, 2, 3, 3});
  graph.Add("Conv", "depthwise", {x, depthwise}, {{"group", int64_t{4}}});
  graph.Add("Conv", "grouped", {x, grouped}, {{"group", int64_t{2}}});
  EXPECT_EQ(ListName(graph, graph.node(0)), "DepthwiseConv");
  EXPECT_EQ(ListName(graph, graph.node(1)), "Conv");
}

}  // namespace
}  // namespace midstream::passes
