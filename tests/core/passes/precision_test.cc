#include "core/passes/precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/passes/passes.h"
#include "tests/core/passes/passes_testing.h"
#include "tests/core/passes/reference_testing.h"

namespace midstream::passes {
namespace {

using testing::HasSubstr;

constexpr DType kF32 = DType::kF32, kF16 = DType::kF16, kBF16 = DType::kBF16;

// Backends that take a node when they have its operator in the dtype of its first operand.
class FakeKernels final : public Kernels {
 public:
  using Set = std::set<std::pair<std::string, DType>>;
  void Add(const std::string& name, std::function<bool(const std::string&, DType)> has) {
    backends_.push_back({name, std::move(has)});
  }
  size_t backend_count() const override { return backends_.size(); }
  std::string_view backend_name(size_t backend) const override { return backends_[backend].first; }
  Result<std::vector<bool>> Takes(size_t backend, const Graph& graph) const override {
    std::vector<bool> takes;
    for (const Node& node : graph.nodes()) {
      takes.push_back(backends_[backend].second(node.op, graph.value(node.inputs[0]).dtype));
    }
    return takes;
  }

 private:
  std::vector<std::pair<std::string, std::function<bool(const std::string&, DType)>>> backends_;
};

// x -> MatMul(w) -> Relu -> Exp -> MatMul(v) -> y, with an ArgMax beside y.
class PrecisionTest : public testing::Test {
 protected:
  void SetUp() override { Build(kF32); }
  void Build(DType dtype) {
    graph_ = Graph();
    ValueId x = graph_.AddInput("x", dtype, {kUnknownDim, 4});
    ValueId w = graph_.AddWeight("w", dtype, {4, 4});
    ValueId v = graph_.AddWeight("v", dtype, {4, 4});
    x = graph_.Add("MatMul", "first", {x, w});
    x = graph_.Add("Exp", "exp", {graph_.Add("Relu", "relu", {x})});
    x = graph_.Add("MatMul", "second", {x, v});
    graph_.AddOutput(x, "y");
    graph_.AddOutput(graph_.Add("ArgMax", "best", {x}), "best");
    model_ = dtype;
  }
  // Plans, applies and infers: what inference finds must be what was planned.
  std::string Applied(const PrecisionPolicy& policy, const Kernels* kernels = nullptr) {
    EXPECT_TRUE(Prepare(graph_).ok());
    auto plan = PlanPrecision(graph_, policy, kernels);
    EXPECT_TRUE(plan.ok()) << plan.status().ToString();
    if (!plan.ok()) return "";
    plan_ = *plan;
    Status status = ApplyPrecision(graph_, plan_);
    if (status.ok()) status = InferShapes(graph_, nullptr);
    if (status.ok()) status = Verify(graph_);
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(graph_.value(graph_.inputs()[0]).dtype, model_);
    for (ValueId weight : graph_.weights()) EXPECT_EQ(graph_.value(weight).dtype, model_);
    EXPECT_EQ(graph_.value(graph_.outputs()[0]).dtype, model_);
    EXPECT_EQ(graph_.value(graph_.outputs()[1]).dtype, DType::kI64);
    return Operators(graph_);
  }
  // The dtype that the operator of this name writes.
  DType ResultOf(std::string_view name) const {
    for (const Node& node : graph_.nodes()) {
      if (node.name == name) return graph_.value(node.outputs[0]).dtype;
    }
    return DType::kInvalid;
  }
  DType ReadBy(std::string_view name) const {
    for (const Node& node : graph_.nodes()) {
      if (node.name == name) return graph_.value(node.inputs[0]).dtype;
    }
    return DType::kInvalid;
  }
  std::string ReasonOf(std::string_view name) const {
    for (const PrecisionDecision& decision : plan_.decisions) {
      if (decision.node == name) return decision.reason;
    }
    return "";
  }
  Graph graph_;
  DType model_ = kF32;
  PrecisionPlan plan_;
};

TEST_F(PrecisionTest, OriginChangesNothing) {
  EXPECT_EQ(Applied({}), "MatMul Relu Exp MatMul ArgMax");
  EXPECT_EQ(ReasonOf("exp"), "mode origin: the dtype of the model");
}

TEST_F(PrecisionTest, EachModeComputesAsItsRowSays) {
  struct Row {
    const char* mode;
    DType matrix_in, matrix_out, relu, exp;
  };
  constexpr Row kRows[] = {
      {"origin", kF32, kF32, kF32, kF32},
      {"must_keep_origin_dtype", kF32, kF32, kF32, kF32},
      {"allow_fp32_to_bf16", kF32, kF32, kF32, kF32},
      {"force_fp32", kF16, kF32, kF32, kF32},
      {"cube_fp16in_fp32out", kF16, kF32, kF32, kF32},
      {"allow_fp32_to_fp16", kF16, kF16, kF32, kF32},
      {"force_fp16", kF16, kF16, kF16, kF16},
      {"fp16", kF16, kF16, kF16, kF16},
      {"mixed_float16", kF16, kF16, kF16, kF32},
      {"allow_mix_precision", kF16, kF16, kF16, kF32},
      {"allow_mix_precision_fp16", kF16, kF16, kF16, kF32},
      {"mixed_bfloat16", kBF16, kBF16, kBF16, kF32},
      {"allow_mix_precision_bf16", kBF16, kBF16, kBF16, kF32},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.mode);
    Build(kF32);
    Applied(*PolicyForMode(row.mode));
    for (const char* matrix : {"first", "second"}) {
      EXPECT_EQ(ReadBy(matrix), row.matrix_in);
      EXPECT_EQ(ResultOf(matrix), row.matrix_out);
    }
    EXPECT_EQ(ResultOf("relu"), row.relu);
    EXPECT_EQ(ResultOf("exp"), row.exp);
  }
}

TEST_F(PrecisionTest, TheRowsHoldForAModelInBFloat16) {
  struct Row {
    const char* mode;
    DType matrix_in, matrix_out, relu, exp;
  };
  constexpr Row kRows[] = {
      {"origin", kBF16, kBF16, kBF16, kBF16},
      {"allow_fp32_to_bf16", kBF16, kBF16, kBF16, kBF16},
      {"force_fp32", kF16, kF32, kF32, kF32},
      {"allow_fp32_to_fp16", kBF16, kBF16, kBF16, kBF16},
      {"force_fp16", kF16, kF16, kF16, kF16},
      {"mixed_float16", kF16, kF16, kF16, kBF16},
      {"mixed_bfloat16", kBF16, kBF16, kBF16, kBF16},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.mode);
    Build(kBF16);
    Applied(*PolicyForMode(row.mode));
    for (const char* matrix : {"first", "second"}) {
      EXPECT_EQ(ReadBy(matrix), row.matrix_in);
      EXPECT_EQ(ResultOf(matrix), row.matrix_out);
    }
    EXPECT_EQ(ResultOf("relu"), row.relu);
    EXPECT_EQ(ResultOf("exp"), row.exp);
  }
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

// B is stored narrower than the data: reading it widens it, so no mode that computes in float32 keeps
// a wide copy.
TEST(Precision, AWeightNarrowerThanTheDataStaysAsItIsStored) {
  struct Row {
    const char* mode;
    DType data, weight;
  };
  constexpr Row kRows[] = {{"origin", kF32, kBF16},
                           {"allow_fp32_to_bf16", kF32, kBF16},
                           {"mixed_bfloat16", kBF16, kBF16},
                           {"force_fp16", kF16, kF16}};
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.mode);
    Graph graph;
    ValueId x = graph.AddInput("x", kF32, {kUnknownDim, 4});
    ValueId w = graph.AddWeight("w", kBF16, {4, 3});
    ValueId bias = graph.AddWeight("bias", kF32, {3});
    ValueId y = graph.Add("MatMul", "dense", {x, w}, {}, "midstream");
    graph.AddOutput(graph.Add("Add", "add", {y, bias}), "y");
    Options options;
    options.precision = *PolicyForMode(row.mode);
    auto recipes = Optimize(graph, options, *ReferenceEvaluator());
    ASSERT_TRUE(recipes.ok()) << recipes.status().ToString();
    const auto dense = std::find_if(graph.nodes().begin(), graph.nodes().end(),
                                    [](const Node& node) { return node.op == "MatMul"; });
    ASSERT_NE(dense, graph.nodes().end());
    ASSERT_EQ(dense->inputs.size(), 3u) << "the Add was not fused";
    EXPECT_EQ(graph.value(dense->inputs[0]).dtype, row.data);
    EXPECT_EQ(graph.value(dense->inputs[1]).dtype, row.weight);
    EXPECT_EQ(graph.value(dense->inputs[2]).dtype, kF32);
    EXPECT_EQ(recipes->empty(), row.weight == kBF16);
  }
}

TEST_F(PrecisionTest, MixedModesGoByTheListsAndSayWhy) {
  Applied(*PolicyForMode("mixed_bfloat16"));
  EXPECT_EQ(ReasonOf("first"), "mode mixed_bfloat16: MatMul is on the white list");
  EXPECT_EQ(ReasonOf("relu"), "mode mixed_bfloat16: Relu is gray and follows first (bfloat16)");
  EXPECT_EQ(ReasonOf("exp"), "mode mixed_bfloat16: Exp is on the black list");
}

TEST_F(PrecisionTest, OperatorsMoveBetweenTheLists) {
  PrecisionPolicy policy = *PolicyForMode("mixed_float16");
  policy.black = {"MatMul"};
  policy.white = {"Exp"};
  Applied(policy);
  EXPECT_EQ(ResultOf("first"), kF32);
  EXPECT_EQ(ResultOf("relu"), kF32);
  EXPECT_EQ(ResultOf("exp"), kF16);
  EXPECT_EQ(ResultOf("second"), kF32);
}

TEST_F(PrecisionTest, AGrayMatrixOperatorFollowsItsData) {
  PrecisionPolicy policy = *PolicyForMode("mixed_float16");
  policy.gray = {"MatMul"};
  policy.white = {"Relu"};
  Applied(policy);
  EXPECT_EQ(ResultOf("first"), kF32);
  EXPECT_EQ(ReasonOf("first"), "mode mixed_float16: MatMul is gray and follows x (float32)");
  EXPECT_EQ(ResultOf("relu"), kF16);
  EXPECT_EQ(ResultOf("second"), kF32);
}

TEST_F(PrecisionTest, KeptNodesKeepTheDtypeOfTheModel) {
  PrecisionPolicy policy = *PolicyForMode("force_fp16");
  policy.keep = {"first", "exp"};
  Applied(policy);
  EXPECT_EQ(ResultOf("first"), kF32);
  EXPECT_EQ(ReadBy("first"), kF32);
  EXPECT_EQ(ResultOf("exp"), kF32);
  EXPECT_EQ(ResultOf("second"), kF16);
  EXPECT_EQ(ReasonOf("exp"), "precision.keep: the dtype of the model");
}

TEST_F(PrecisionTest, KeepTakesScopes) {
  EXPECT_TRUE(IsKept({"conv1"}, "conv1/Conv2D/window"));
  EXPECT_TRUE(IsKept({"a", "conv1/Conv2D"}, "conv1/Conv2D"));
  EXPECT_FALSE(IsKept({"conv1"}, "conv10/Conv2D"));
  EXPECT_FALSE(IsKept({}, "conv1"));
}

TEST_F(PrecisionTest, OverridesByNodeBeatThoseByOperatorBeatTheMode) {
  PrecisionPolicy policy = *PolicyForMode("force_fp16");
  policy.keep = {"second"};
  policy.ops["MatMul"] = {kBF16, DType::kInvalid, "a.toml:3:1"};
  policy.nodes["second"] = {kF16, kF32, "a.toml:5:1"};
  policy.nodes["nowhere"] = {kF16, kF32, "a.toml:7:1"};
  Applied(policy);
  EXPECT_EQ(ReadBy("first"), kBF16);
  EXPECT_EQ(ResultOf("first"), kBF16);
  EXPECT_EQ(ReadBy("second"), kF16);
  EXPECT_EQ(ResultOf("second"), kF32);
  EXPECT_EQ(ReasonOf("first"), "precision.op \"MatMul\" at a.toml:3:1");
  EXPECT_EQ(ReasonOf("second"), "precision.node \"second\" at a.toml:5:1");
  ASSERT_EQ(plan_.notes.size(), 1u);
  EXPECT_THAT(plan_.notes[0], HasSubstr("\"nowhere\" at a.toml:7:1"));
}

TEST_F(PrecisionTest, AnOutputDtypeThatNoKernelWritesIsACastOfTheResult) {
  PrecisionPolicy policy;
  policy.nodes["relu"] = {kF32, kBF16, ""};
  EXPECT_EQ(Applied(policy), "MatMul Relu Cast Cast Exp MatMul ArgMax");
  EXPECT_EQ(ResultOf("relu"), kF32);
  EXPECT_EQ(ResultOf("relu/Cast"), kBF16);
}

TEST_F(PrecisionTest, WithoutAKernelTheNextBestIsTakenAndReported) {
  FakeKernels kernels;
  kernels.Add("npu", [](const std::string& op, DType dtype) {
    return dtype == kF32 || (dtype == kF16 && op != "Exp");
  });
  kernels.Add("host", [](const std::string&, DType) { return true; });
  PrecisionPolicy policy = *PolicyForMode("force_fp16");
  Applied(policy, &kernels);
  EXPECT_EQ(ResultOf("exp"), kF32);
  EXPECT_EQ(ResultOf("relu"), kF16);
  EXPECT_EQ(ReasonOf("exp"),
            "mode force_fp16: float16 wherever there is a kernel; no float16 kernel on npu, "
            "computes in float32");
  ASSERT_EQ(plan_.notes.size(), 1u);
  EXPECT_EQ(plan_.notes[0],
            "precision mode 'force_fp16' cannot be had for 1 node(s); the nearest mode that can be "
            "had there is 'mixed_float16'");
}

TEST_F(PrecisionTest, ErrorInsteadOfTheNextBest) {
  FakeKernels kernels;
  kernels.Add("npu", [](const std::string&, DType dtype) { return dtype == kF32; });
  PrecisionPolicy policy = *PolicyForMode("force_fp16");
  policy.refuse_unsupported = true;
  ASSERT_TRUE(Prepare(graph_).ok());
  auto plan = PlanPrecision(graph_, policy, &kernels);
  ASSERT_EQ(plan.status().code(), Code::kUnimplemented);
  std::string text(plan.status().message());
  EXPECT_THAT(text, HasSubstr("cannot be had for 5 node(s)"));
  EXPECT_THAT(text, HasSubstr("the nearest mode that can be had there is 'origin'"));
  for (const char* node : {"MatMul 'first'", "Relu 'relu'", "Exp 'exp'", "MatMul 'second'"}) {
    EXPECT_THAT(text, HasSubstr(node));
  }
}

TEST_F(PrecisionTest, ModesThatAllowHalfKeepFloatWhereThereIsNoHalf) {
  FakeKernels kernels;
  kernels.Add("npu", [](const std::string&, DType dtype) { return dtype == kF32; });
  Applied(*PolicyForMode("allow_fp32_to_fp16"), &kernels);
  EXPECT_EQ(ResultOf("first"), kF32);
  Build(kF32);
  Applied(*PolicyForMode("cube_fp16in_fp32out"), &kernels);
  EXPECT_EQ(ReadBy("first"), kF32);
  EXPECT_THAT(ReasonOf("first"), HasSubstr("no float16 -> float32 kernel on npu"));
}

TEST_F(PrecisionTest, AllowedHalfIsUsedWhereThereIsNoFloat) {
  FakeKernels kernels;
  kernels.Add("npu", [](const std::string& op, DType dtype) {
    return op == "Exp" ? dtype != kF32 : dtype != kBF16;
  });
  kernels.Add("host", [](const std::string&, DType dtype) { return dtype == kF32; });
  Applied(*PolicyForMode("allow_fp32_to_fp16"), &kernels);
  EXPECT_EQ(ResultOf("exp"), kF16);
  Build(kF32);
  Applied(*PolicyForMode("allow_fp32_to_bf16"), &kernels);
  EXPECT_EQ(ResultOf("exp"), kBF16);
  Build(kF32);  // a black operator keeps its dtype, on another backend if need be
  Applied(*PolicyForMode("mixed_float16"), &kernels);
  EXPECT_EQ(ResultOf("exp"), kF32);
  EXPECT_THAT(ReasonOf("exp"), HasSubstr("no float32 kernel on npu, runs on host"));
}

TEST_F(PrecisionTest, HalfOfTheModelGoesUpWhereThereIsNoHalf) {
  Build(kF16);
  FakeKernels kernels;
  kernels.Add("npu", [](const std::string&, DType dtype) { return dtype == kF32; });
  Applied(*PolicyForMode("origin"), &kernels);
  for (const char* name : {"first", "relu", "exp", "second"}) EXPECT_EQ(ResultOf(name), kF32);
}

TEST_F(PrecisionTest, AnOverrideWithoutAKernelIsAnError) {
  FakeKernels kernels;
  kernels.Add("npu", [](const std::string&, DType dtype) { return dtype == kF32; });
  PrecisionPolicy policy;
  policy.nodes["exp"] = {kF16, DType::kInvalid, "a.toml:2:1"};
  ASSERT_TRUE(Prepare(graph_).ok());
  auto plan = PlanPrecision(graph_, policy, &kernels);
  EXPECT_EQ(plan.status().code(), Code::kUnimplemented);
  EXPECT_THAT(std::string(plan.status().message()),
              HasSubstr("precision.node \"exp\" at a.toml:2:1 asks for float16"));
}

TEST(Precision, GrayTakesTheWiderOfItsProducers) {
  Graph graph;
  ValueId x = graph.AddInput("x", kF32, {2, 2});
  ValueId w = graph.AddWeight("w", kF32, {2, 2});
  ValueId low = graph.Add("MatMul", "low", {x, w});
  ValueId high = graph.Add("Exp", "high", {x});
  graph.AddOutput(graph.Add("Add", "sum", {low, high}), "sum");
  ASSERT_TRUE(Prepare(graph).ok());
  auto plan = PlanPrecision(graph, *PolicyForMode("mixed_float16"), nullptr);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->decisions[2].types, (NodeTypes{kF32, kF32}));
  EXPECT_EQ(plan->decisions[2].reason,
            "mode mixed_float16: Add is gray and follows low (float16), high (float32)");
}

TEST(Precision, GrayLooksThroughACastFromTheReducedDtype) {
  Graph graph;
  ValueId x = graph.AddInput("x", kF16, {2, 2});
  ValueId wide = graph.Add("Cast", "wide", {x}, {{"to", std::string("float32")}});
  graph.AddOutput(graph.Add("Relu", "relu", {wide}), "y");
  ASSERT_TRUE(Prepare(graph).ok());
  auto plan = PlanPrecision(graph, *PolicyForMode("mixed_float16"), nullptr);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->decisions[1].types, (NodeTypes{kF16, kF16}));
}

TEST(Precision, IntegersBoolsAndFloat64AreUntouched) {
  Graph graph;
  ValueId ids = graph.AddInput("ids", DType::kI64, {3});
  ValueId wide = graph.AddInput("wide", DType::kF64, {3});
  graph.AddOutput(graph.Add("Add", "sum", {ids, ids}), "sum");
  graph.AddOutput(graph.Add("Exp", "exp", {wide}), "exp");
  ASSERT_TRUE(Prepare(graph).ok());
  auto plan = PlanPrecision(graph, *PolicyForMode("force_fp16"), nullptr);
  ASSERT_TRUE(plan.ok() && ApplyPrecision(graph, *plan).ok());
  EXPECT_EQ(Operators(graph), "Add Exp");
}

TEST(Precision, WhatIsDerivedFromWeightsIsRoundedOnce) {
  Graph graph;
  ValueId x = graph.AddInput("x", kF32, {2, 4});
  ValueId w = graph.AddWeight("w", kF32, {4});
  ValueId root = graph.Add("Sqrt", "root", {graph.Add("Exp", "exp", {w})});
  graph.AddOutput(graph.Add("Mul", "y", {x, root}), "y");
  ASSERT_TRUE(Prepare(graph).ok());
  auto plan = PlanPrecision(graph, *PolicyForMode("force_fp16"), nullptr);
  ASSERT_TRUE(plan.ok() && ApplyPrecision(graph, *plan).ok());
  ASSERT_TRUE(InferShapes(graph, nullptr).ok());
  EXPECT_EQ(Operators(graph), "Exp Sqrt Cast Cast Mul Cast");
}

TEST(Precision, AProductOfTwoActivationsHasNoFormThatWidens) {
  Graph graph;
  ValueId a = graph.AddInput("a", kF32, {2, 2});
  ValueId b = graph.AddInput("b", kF32, {2, 2});
  graph.AddOutput(graph.Add("MatMul", "y", {a, b}), "y");
  ASSERT_TRUE(Prepare(graph).ok());
  auto plan = PlanPrecision(graph, *PolicyForMode("cube_fp16in_fp32out"), nullptr);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->decisions[0].types, (NodeTypes{kF32, kF32}));
  EXPECT_FALSE(plan->decisions[0].met);
}

// Else the operator would take the dtype of the one that it disappears into.
TEST(Precision, WhatIsAskedOfAnOperatorKeepsItOutOfOthers) {
  for (const bool listed : {false, true}) {
    Graph graph;
    ValueId x = graph.AddInput("x", kF32, {2, 3});
    ValueId w = graph.AddWeight("w", kF32, {3, 4});
    ValueId product = graph.Add("MatMul", "product", {x, w});
    graph.AddOutput(graph.Add("Relu", "relu", {product}), "y");
    Options options;
    if (listed) {
      options.precision = *PolicyForMode("mixed_float16");
      options.precision.black = {"Relu"};
    } else {
      options.precision = *PolicyForMode("force_fp16");
      options.precision.ops["Relu"].dtype = kF32;
    }
    PrecisionPlan plan;
    auto recipes = Optimize(graph, options, *ReferenceEvaluator(), &plan);
    ASSERT_TRUE(recipes.ok()) << recipes.status().ToString();
    const auto relu = std::find_if(graph.nodes().begin(), graph.nodes().end(),
                                   [](const Node& node) { return node.Is("Relu"); });
    ASSERT_NE(relu, graph.nodes().end());
    EXPECT_EQ(graph.value(relu->inputs[0]).dtype, kF32);
  }
}

}  // namespace
}  // namespace midstream::passes
