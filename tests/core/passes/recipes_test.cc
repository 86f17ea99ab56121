#include "core/passes/recipes.h"

#include <gtest/gtest.h>

#include "tests/core/passes/passes_testing.h"

namespace midstream::passes {
namespace {

using Names = std::vector<std::string>;

class RecipesTest : public testing::Test {
 protected:
  ValueId Op(const std::string& op, const std::string& name, std::vector<ValueId> inputs) {
    return graph_.Add(op, name, std::move(inputs));
  }
  void Extract() {
    Status status = Prepare(graph_);
    ASSERT_TRUE(status.ok()) << status.ToString();
    auto recipes = ExtractRecipes(graph_);
    ASSERT_TRUE(recipes.ok()) << recipes.status().ToString();
    recipes_ = *std::move(recipes);
    ASSERT_TRUE(InferShapes(graph_, nullptr).ok());
    ASSERT_TRUE(Verify(graph_).ok());
    for (Recipe& recipe : recipes_) {
      EXPECT_TRUE(Verify(recipe.graph).ok());
      ASSERT_EQ(recipe.graph.inputs().size(), recipe.sources.size());
      for (size_t i = 0; i < recipe.sources.size(); ++i) {
        EXPECT_EQ(recipe.graph.value(recipe.graph.inputs()[i]).name, recipe.sources[i]);
      }
      EXPECT_EQ(recipe.graph.outputs().size(), 1u);
    }
  }
  Names Weights() const {
    Names names;
    for (ValueId id : graph_.weights()) names.push_back(graph_.value(id).name);
    return names;
  }
  Graph graph_;
  ValueId x_ = graph_.AddInput("x", DType::kF32, {2, 3});
  ValueId w_ = graph_.AddWeight("w", DType::kF32, {3});
  ValueId v_ = graph_.AddWeight("v", DType::kF32, {3});
  std::vector<Recipe> recipes_;
};

TEST_F(RecipesTest, TakesTheLargestExpression) {
  ValueId c = graph_.AddConstant("c", Floats({1, 2, 3}));
  ValueId product = Op("Mul", "scale/product", {w_, v_});
  ValueId sum = Op("Add", "scale/sum", {product, c});
  graph_.AddOutput(Op("Mul", "y", {x_, sum}), "y");
  Extract();
  EXPECT_EQ(Operators(graph_), "Mul");
  EXPECT_EQ(Weights(), Names{"scale/sum"});
  ASSERT_EQ(recipes_.size(), 1u);
  EXPECT_EQ(recipes_[0].result, "scale/sum");
  EXPECT_EQ(recipes_[0].sources, (Names{"w", "v"}));
  EXPECT_EQ(Operators(recipes_[0].graph), "Mul Add");
}

TEST_F(RecipesTest, OriginalAndDerivedMayBothBeRead) {
  ValueId root = Op("Sqrt", "root", {w_});
  graph_.AddOutput(Op("Mul", "y", {Op("Add", "sum", {x_, w_}), root}), "y");
  Extract();
  EXPECT_EQ(Weights(), (Names{"w", "root"}));
  EXPECT_EQ(recipes_.size(), 1u);
}

TEST_F(RecipesTest, SharedExpressionsStartFromTheTrainersWeights) {
  ValueId root = Op("Sqrt", "root", {w_});
  ValueId exp = Op("Exp", "exp", {root});
  graph_.AddOutput(Op("Mul", "y", {Op("Add", "sum", {x_, root}), exp}), "y");
  Extract();
  ASSERT_EQ(recipes_.size(), 2u);
  EXPECT_EQ(recipes_[0].result, "root");
  EXPECT_EQ(recipes_[1].result, "exp");
  EXPECT_EQ(recipes_[1].sources, Names{"w"});
  EXPECT_EQ(Operators(recipes_[1].graph), "Sqrt Exp");
}

TEST_F(RecipesTest, ADerivedOutputIsAWeight) {
  graph_.AddOutput(Op("Sqrt", "root", {w_}), "root:0");
  graph_.AddOutput(w_, "w:0");
  Extract();
  EXPECT_TRUE(graph_.nodes().empty());
  EXPECT_EQ(graph_.value(graph_.outputs()[0]).kind, ValueKind::kWeight);
  EXPECT_EQ(graph_.value(graph_.outputs()[0]).name, "root");
  EXPECT_EQ(graph_.value(graph_.outputs()[1]).name, "w");
  EXPECT_EQ(graph_.output_names(), (Names{"root:0", "w:0"}));
}

TEST_F(RecipesTest, EachOutputOfASplitIsItsOwn) {
  ValueId wide = graph_.AddWeight("wide", DType::kF32, {6});
  NodeId split = graph_.AddNode("Split", "split", {wide}, {}, 2);
  ValueId a = graph_.node(split).outputs[0];
  ValueId b = graph_.node(split).outputs[1];
  graph_.AddOutput(Op("Mul", "y", {Op("Add", "sum", {x_, a}), b}), "y");
  Extract();
  EXPECT_EQ(Weights(), (Names{"split", "split:1"}));
  EXPECT_EQ(Operators(graph_), "Add Mul");
}

TEST_F(RecipesTest, ConstantsAloneAreNoRecipe) {
  ValueId c = graph_.AddConstant("c", Floats({1, 2, 3}));
  graph_.AddOutput(Op("Add", "y", {x_, Op("Sqrt", "root", {c})}), "y");
  Extract();
  EXPECT_TRUE(recipes_.empty());
  EXPECT_EQ(Operators(graph_), "Sqrt Add");
}

TEST_F(RecipesTest, AShapeThatDependsOnWeightsStaysInTheGraph) {
  ValueId n = graph_.AddWeight("n", DType::kI64, {});
  ValueId one = graph_.AddConstant("one", Tensor::Scalar(DType::kI64, int64_t{1}));
  graph_.AddOutput(Op("Range", "range", {one, n, one}), "y");
  Extract();
  EXPECT_TRUE(recipes_.empty());
  EXPECT_EQ(Operators(graph_), "Range");
}

}  // namespace
}  // namespace midstream::passes
