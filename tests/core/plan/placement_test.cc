// Which device gets which node: order, rules, claims, and segments that cannot be compiled.
#include "core/plan/placement.h"

#include <gmock/gmock.h>

#include "core/graph/shape_inference.h"
#include "core/plan/program.h"
#include "tests/far_plugin/far_testing.h"

namespace midstream::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(MatchesPattern, StarsAndQuestionMarks) {
  EXPECT_TRUE(MatchesPattern("conv1/Conv2D", "conv1/Conv2D"));
  EXPECT_FALSE(MatchesPattern("conv1/Conv2D", "conv1/Conv2D_1"));
  EXPECT_TRUE(MatchesPattern("conv*", "conv1/Conv2D"));
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_TRUE(MatchesPattern("*/Conv2D", "a/b/Conv2D"));
  EXPECT_FALSE(MatchesPattern("*/Conv2D", "a/b/Conv2D_1"));
  EXPECT_TRUE(MatchesPattern("a*b*c", "a--b--b--c"));
  EXPECT_FALSE(MatchesPattern("a*b*c", "a--c--b"));
  EXPECT_TRUE(MatchesPattern("conv?", "conv7"));
  EXPECT_FALSE(MatchesPattern("conv?", "conv"));
  EXPECT_FALSE(MatchesPattern("", "x"));
  EXPECT_TRUE(MatchesPattern("***", "x"));
  EXPECT_FALSE(MatchesPattern("?*", ""));
  // Bounded however many stars there are.
  EXPECT_FALSE(MatchesPattern(std::string(40, '*') + "b", std::string(5000, 'a')));
}

class PlacementTest : public far::FarTest {
 protected:
  // a = Neg(x), b = Relu(a), c = Exp(b)
  static Graph Chain(int64_t size = 4) {
    Graph graph;
    ValueId a = graph.Add("Neg", "block/a", {graph.AddInput("x", DType::kF32, {size})});
    ValueId b = graph.Add("Relu", "block/b", {a});
    graph.AddOutput(graph.Add("Exp", "c", {b}), "c");
    EXPECT_TRUE(graph.Compact().ok());
    EXPECT_TRUE(InferShapes(graph, nullptr).ok());
    return graph;
  }
  static PlacementRule ByNode(std::string pattern, size_t device) {
    return {"placement.node." + pattern, PlacementRule::By::kNode, pattern, device};
  }
  static PlacementRule ByOp(std::string op, size_t device) {
    return {"placement.op." + op, PlacementRule::By::kOperator, op, device};
  }

  Result<std::shared_ptr<const Program>> Compile(Fallback fallback, int64_t size = 4) {
    ProgramOptions options;
    options.placement.fallback = fallback;
    return Program::Compile(Chain(size), options, {far_, reference_}, *evaluator_);
  }
};

TEST_F(PlacementTest, GoesByTheOrder) {
  auto placed = Place(Chain(), {far_, reference_}, {});
  ASSERT_TRUE(placed.ok()) << placed.status().ToString();
  EXPECT_THAT(placed->device_of, ElementsAre(0, 0, 0));
  EXPECT_TRUE(placed->fallbacks.empty());
}

TEST_F(PlacementTest, RulesGoBeforeTheOrderAndAreNoFallback) {
  const PlacementPolicy policy{
      Fallback::kError, {ByNode("block/*", 1), ByOp("Exp", 1), ByOp("Neg", 0)}, {}};
  auto placed = Place(Chain(), {far_, reference_}, policy);
  ASSERT_TRUE(placed.ok()) << placed.status().ToString();
  EXPECT_THAT(placed->device_of, ElementsAre(1, 1, 1));  // the first rule that fits
  EXPECT_EQ(placed->rules[0]->key, "placement.node.block/*");
}

TEST_F(PlacementTest, ARefusalGoesOnByThePolicyAndIsKept) {
  control_->claims_refused = {"Relu"};
  PlacementPolicy policy{Fallback::kAllow, {ByOp("Exp", 1)}, {}};
  auto placed = Place(Chain(), {far_, reference_}, policy);
  ASSERT_TRUE(placed.ok()) << placed.status().ToString();
  EXPECT_THAT(placed->device_of, ElementsAre(0, 1, 1));
  EXPECT_THAT(placed->fallbacks, ElementsAre("Relu 'block/b' runs on reference: far does not know "
                                             "the operator;"));
  ASSERT_EQ(placed->refusals[1].size(), 1u);
  EXPECT_EQ(placed->refusals[1][0].device, 0u);
  policy.fallback = Fallback::kError;
  auto refused = Place(Chain(), {far_, reference_}, policy);
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.status().ToString(), HasSubstr("Relu 'block/b'"));
}

TEST_F(PlacementTest, ARuleThatIsRefusedFallsBackToTheOrder) {
  control_->claims_refused = {"Relu@1"};
  const auto second = OpenFar(1, backend::kDeviceTimeoutNs);
  const PlacementPolicy policy{Fallback::kAllow, {ByOp("Relu", 1)}, {}};
  auto placed = Place(Chain(), {reference_, second}, policy);
  ASSERT_TRUE(placed.ok()) << placed.status().ToString();
  EXPECT_THAT(placed->device_of, ElementsAre(0, 0, 0));
  EXPECT_THAT(placed->fallbacks,
              ElementsAre("Relu 'block/b' runs on reference: far:1 does not know the operator;"));
}

TEST_F(PlacementTest, ASegmentThatCannotBeCompiledGoesToTheNext) {
  for (auto refusal : {&far::FarControl::module_refused, &far::FarControl::plan_refused}) {
    for (ms_code code : {MS_UNIMPLEMENTED, MS_RESOURCE_EXHAUSTED}) {
      control_->reset();
      control_->claims_refused = {"Relu"};
      control_->*refusal = {code, "Exp"};
      auto program = Compile(Fallback::kAllow);
      ASSERT_TRUE(program.ok()) << program.status().ToString();
      const PlacementReport& report = *(*program)->placement_report();
      ASSERT_EQ(report.nodes.size(), 3u);
      EXPECT_EQ(report.nodes[0].backend, "far");
      EXPECT_EQ(report.nodes[2].backend, "reference");
      ASSERT_EQ(report.nodes[2].refusals.size(), 1u);
      EXPECT_EQ(report.nodes[2].refusals[0].backend, "far");
      EXPECT_THAT(report.nodes[2].refusals[0].reason,
                  HasSubstr("cannot compile segment 3 of 3 (Exp 'c'): backend 'far': no room for "
                            "Exp 'c'"));
      EXPECT_EQ(report.segments.size(), 2u);
    }
  }
}

// Before the first request, when the weights are not laid out yet.
TEST_F(PlacementTest, WithFreeShapesAPlanThatIsRefusedGoesToTheNext) {
  control_->plan_refused = {MS_UNIMPLEMENTED, "Exp"};
  auto program = Compile(Fallback::kAllow, kUnknownDim);
  ASSERT_TRUE(program.ok()) << program.status().ToString();
  EXPECT_EQ((*program)->placement_report()->nodes[2].backend, "reference");
  const std::vector<Tensor> inputs = {*Tensor::Allocate(DType::kF32, {7})};
  auto plan = (*program)->PlanFor(inputs);
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
}

TEST_F(PlacementTest, APlanThatIsRefusedForLaterShapesNamesThem) {
  auto program = Compile(Fallback::kAllow, kUnknownDim);
  ASSERT_TRUE(program.ok()) << program.status().ToString();
  control_->plan_refused = {MS_UNIMPLEMENTED, "Exp"};
  const std::vector<Tensor> inputs = {*Tensor::Allocate(DType::kF32, {7})};
  const Status status = (*program)->PlanFor(inputs).status();
  EXPECT_EQ(status.code(), Code::kInternal);  // no fault of the data
  EXPECT_THAT(status.ToString(), HasSubstr("segment 1 of 1 (Neg 'block/a' to Exp 'c') cannot be "
                                           "compiled for x [7]: backend 'far': no room for Exp"));
}

TEST_F(PlacementTest, WithoutFallbackASegmentThatCannotBeCompiledIsRefused) {
  control_->module_refused = {MS_RESOURCE_EXHAUSTED, "Exp"};
  auto program = Compile(Fallback::kError);
  EXPECT_EQ(program.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(program.status().ToString(), HasSubstr("segment 1 of 1"));
  EXPECT_THAT(program.status().ToString(), HasSubstr("no room for Exp 'c'"));
}

TEST_F(PlacementTest, AnotherErrorOfCompilingIsNoReasonToGoOn) {
  control_->module_refused = {MS_INTERNAL, "Exp"};
  auto program = Compile(Fallback::kAllow);
  EXPECT_EQ(program.status().code(), Code::kInternal);
}

TEST_F(PlacementTest, WhatNobodyCanCompileListsEveryReason) {
  const auto second = OpenFar(1, backend::kDeviceTimeoutNs);
  control_->module_refused = {MS_UNIMPLEMENTED, "Exp"};
  ProgramOptions options;
  options.placement.fallback = Fallback::kAllow;
  auto program = Program::Compile(Chain(), options, {far_, second}, *evaluator_);
  EXPECT_EQ(program.status().code(), Code::kUnimplemented);
  EXPECT_THAT(program.status().ToString(), HasSubstr("far cannot compile segment 1 of 1"));
  EXPECT_THAT(program.status().ToString(), HasSubstr("far:1 cannot compile segment 1 of 1"));
}

TEST_F(PlacementTest, TheReportTellsTransfersWithTheirBytes) {
  control_->claims_refused = {"Relu"};
  auto program = Compile(Fallback::kAllow);
  ASSERT_TRUE(program.ok()) << program.status().ToString();
  const PlacementReport& report = *(*program)->placement_report();
  std::vector<std::string> transfers;
  for (const auto& transfer : report.transfers) {
    transfers.push_back(transfer.value + " " + transfer.from + ">" + transfer.to + " " +
                        std::to_string(transfer.bytes));
  }
  EXPECT_THAT(transfers, ElementsAre("x host>far 16", "block/a far>host 16", "block/b host>far 16",
                                     "c far>host 16"));
  EXPECT_EQ(report.shapes, "x [4]");
  EXPECT_EQ(report.segments[0].device, "far 0");
}

}  // namespace
}  // namespace midstream::plan
