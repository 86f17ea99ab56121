#include "core/passes/fold.h"

#include <gtest/gtest.h>

#include "tests/core/passes/passes_testing.h"

namespace midstream::passes {
namespace {

TEST(Fold, ConstantsBecomeOneConstant) {
  Graph graph;
  ValueId a = graph.AddConstant("a", Floats({1, 2}));
  ValueId b = graph.AddConstant("b", Floats({3, 4}));
  ValueId sum = graph.Add("Add", "sum", {a, b});
  ValueId product = graph.Add("Mul", "product", {sum, b});
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  graph.AddOutput(graph.Add("Add", "y", {x, product}), "y");
  graph.AddOutput(product, "p");
  ASSERT_TRUE(Prepare(graph).ok());
  ToyEvaluator evaluator;
  ASSERT_TRUE(Fold(graph, evaluator).ok());
  EXPECT_EQ(Operators(graph), "Add");
  EXPECT_EQ(evaluator.calls, 2);
  const Value& folded = graph.value(graph.outputs()[1]);
  EXPECT_EQ(folded.name, "product");
  EXPECT_EQ(folded.constant.as<float>()[0], 12);
  EXPECT_EQ(folded.constant.as<float>()[1], 24);
}

TEST(Fold, NothingThatDependsOnAWeightIsFolded) {
  Graph graph;
  ValueId w = graph.AddWeight("w", DType::kF32, {2});
  ValueId a = graph.AddConstant("a", Floats({1, 2}));
  ValueId scaled = graph.Add("Mul", "scaled", {w, a});
  graph.AddOutput(graph.Add("Add", "y", {scaled, a}), "y");
  ASSERT_TRUE(Prepare(graph).ok());
  ToyEvaluator evaluator;
  ASSERT_TRUE(Fold(graph, evaluator).ok());
  EXPECT_EQ(evaluator.calls, 0);
  EXPECT_EQ(Operators(graph), "Mul Add");
}

TEST(Fold, ShapesOfKnownSizeBecomeConstants) {
  Graph graph;
  ValueId w = graph.AddWeight("w", DType::kF32, {2, 5});
  graph.AddOutput(graph.Add("Shape", "s", {w}), "s");
  ASSERT_TRUE(Prepare(graph).ok());
  ToyEvaluator evaluator;
  ASSERT_TRUE(Fold(graph, evaluator).ok());
  EXPECT_TRUE(graph.nodes().empty());
  EXPECT_TRUE(graph.weights().empty());
  EXPECT_EQ(*ConstantInts(graph, graph.outputs()[0]), (std::vector<int64_t>{2, 5}));
}

TEST(Fold, LargeResultsStayNodes) {
  Graph graph;
  int64_t count = static_cast<int64_t>(kMaxFoldedBytes / sizeof(float)) + 1;
  Tensor big = *Tensor::Allocate(DType::kF32, {count});
  ValueId a = graph.AddConstant("a", big);
  graph.AddOutput(graph.Add("Add", "y", {a, a}), "y");
  ASSERT_TRUE(Prepare(graph).ok());
  ToyEvaluator evaluator;
  ASSERT_TRUE(Fold(graph, evaluator).ok());
  EXPECT_EQ(Operators(graph), "Add");
}

TEST(Fold, WhatTheEvaluatorLacksStays) {
  Graph graph;
  ValueId a = graph.AddConstant("a", Floats({1, 2}));
  graph.AddOutput(graph.Add("Sqrt", "y", {a}), "y");
  ASSERT_TRUE(Prepare(graph).ok());
  ToyEvaluator evaluator;
  ASSERT_TRUE(Fold(graph, evaluator).ok());
  EXPECT_EQ(Operators(graph), "Sqrt");
}

}  // namespace
}  // namespace midstream::passes
