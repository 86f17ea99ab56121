#include <gtest/gtest.h>

#include "core/passes/passes.h"
#include "tests/core/passes/mnist_testing.h"

namespace midstream::passes {
namespace {

TEST(Optimize, MnistInNhwcHasNoTransposeAndNoRecipe) {
  Graph graph = MnistBuilder().Build();
  ToyEvaluator evaluator;
  auto recipes = Optimize(
      graph, {.layout = Layout::kNhwc, .fuse = true, .remap = true, .precision = {}}, evaluator);
  ASSERT_TRUE(recipes.ok()) << recipes.status().ToString();
  EXPECT_EQ(Operators(graph),
            "Reshape midstream.Conv midstream.MaxPool midstream.Conv midstream.MaxPool Reshape "
            "midstream.MatMul midstream.MatMul ArgMax")
      << graph.ToString();
  EXPECT_TRUE(recipes->empty());
  EXPECT_EQ(graph.weights().size(), 8u);
}

TEST(Optimize, MnistInNchwTransposesOnceAndDerivesFilters) {
  Graph graph = MnistBuilder().Build();
  ToyEvaluator evaluator;
  auto recipes = Optimize(
      graph, {.layout = Layout::kNchw, .fuse = true, .remap = true, .precision = {}}, evaluator);
  ASSERT_TRUE(recipes.ok()) << recipes.status().ToString();
  EXPECT_EQ(Operators(graph),
            "Reshape midstream.Conv MaxPool midstream.Conv MaxPool Transpose Reshape "
            "midstream.MatMul midstream.MatMul ArgMax")
      << graph.ToString();
  ASSERT_EQ(recipes->size(), 2u);
  EXPECT_EQ((*recipes)[0].result, "conv1/Conv2D/w");
  EXPECT_EQ((*recipes)[0].sources, std::vector<std::string>{"conv1/Variable"});
  EXPECT_EQ(Operators((*recipes)[0].graph), "Transpose");
}

}  // namespace
}  // namespace midstream::passes
