// The graph: building, naming, compacting, sorting, verifying.
#include "core/graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace midstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> NodeNames(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.push_back(node.name);
  return names;
}

TEST(Graph, NamesBecomeUnique) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  ValueId a = graph.Add("Relu", "x", {x});
  ValueId b = graph.Add("Relu", "x", {a});
  EXPECT_EQ(graph.value(a).name, "x_1");
  EXPECT_EQ(graph.value(b).name, "x_2");
  NodeId split = graph.AddNode("Split", "s", {b}, {}, 2);
  EXPECT_EQ(graph.value(graph.node(split).outputs[1]).name, "s:1");
  EXPECT_EQ(graph.value(graph.node(split).outputs[1]).producer_output, 1u);
}

TEST(Graph, AttributesFallBack) {
  Node node;
  node.attrs = {
      {"i", int64_t{3}}, {"f", 0.5}, {"s", std::string("t")}, {"l", std::vector<int64_t>{1, 2}}};
  EXPECT_EQ(node.Int("i", 0), 3);
  EXPECT_EQ(node.Int("f", 7), 7);
  EXPECT_EQ(node.Float("f", 0), 0.5);
  EXPECT_EQ(node.Float("none", 2), 2);
  EXPECT_EQ(node.String("s", ""), "t");
  EXPECT_THAT(node.Ints("l"), ElementsAre(1, 2));
  EXPECT_TRUE(node.Ints("i").empty());
}

TEST(Graph, CompactDropsSortsAndRenumbers) {
  Graph graph;
  ValueId unused_input = graph.AddInput("unused", DType::kF32, {2});
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  ValueId w = graph.AddWeight("w", DType::kF32, {2});
  graph.AddWeight("unused_w", DType::kF32, {2});
  ValueId dead = graph.Add("Neg", "dead", {x});
  graph.Add("Neg", "dead_too", {dead});
  // "late" is added before what it reads.
  NodeId late = graph.AddNode("Relu", "late", {x});
  ValueId sum = graph.Add("Add", "sum", {x, w});
  graph.node(late).inputs[0] = sum;
  graph.AddOutput(graph.node(late).outputs[0], "y");
  ASSERT_TRUE(graph.Compact().ok());
  EXPECT_THAT(NodeNames(graph), ElementsAre("sum", "late"));
  EXPECT_EQ(graph.inputs().size(), 2u);
  EXPECT_EQ(graph.value(graph.inputs()[0]).name, "unused");
  ASSERT_EQ(graph.weights().size(), 1u);
  EXPECT_EQ(graph.value(graph.weights()[0]).name, "w");
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "late");
  EXPECT_EQ(graph.value(graph.outputs()[0]).producer, 1u);
  EXPECT_TRUE(Verify(graph).ok());
  EXPECT_EQ(unused_input, graph.inputs()[0]);
  // A name that went away is free again.
  EXPECT_EQ(graph.value(graph.Add("Neg", "dead", {graph.inputs()[0]})).name, "dead");
}

TEST(Graph, CompactNamesACycle) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  NodeId a = graph.AddNode("Add", "a", {x, x});
  ValueId b = graph.Add("Neg", "b", {graph.node(a).outputs[0]});
  graph.node(a).inputs[1] = b;
  graph.AddOutput(b, "b");
  Status status = graph.Compact();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'a'"));
}

TEST(Graph, ReplaceUsesAndConsumers) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  ValueId a = graph.Add("Neg", "a", {x});
  ValueId twice = graph.Add("Add", "twice", {a, a});
  graph.AddOutput(a, "a");
  graph.AddOutput(twice, "twice");
  EXPECT_THAT(graph.Consumers()[a], ElementsAre(1, 1));
  graph.ReplaceUses(a, x);
  EXPECT_THAT(graph.Consumers()[x], ElementsAre(0, 1, 1));
  EXPECT_THAT(graph.outputs(), ElementsAre(x, twice));
  EXPECT_THAT(graph.output_names(), ElementsAre("a", "twice"));
}

TEST(Graph, VerifyListsEveryProblem) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  graph.Add("Nope", "n1", {x});
  graph.Add("Add", "n2", {x});
  NodeId early = graph.AddNode("Neg", "n3", {x});
  graph.node(early).inputs[0] = graph.Add("Neg", "n4", {x});
  Status status = Verify(graph);
  EXPECT_EQ(status.code(), Code::kInternal);
  std::string text(status.message());
  EXPECT_THAT(text, HasSubstr("'n1' (Nope): unknown operator"));
  EXPECT_THAT(text, HasSubstr("'n2' (Add): 1 inputs"));
  EXPECT_THAT(text, HasSubstr("reads 'n4' before it is made"));
}

TEST(Graph, ToString) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {kUnknownDim, 2});
  ValueId y = graph.Add("Clip", "y", {x, kNoValue, x});
  graph.value(y).dtype = DType::kF32;
  graph.value(y).shape = Shape({kUnknownDim, 2});
  EXPECT_EQ(graph.ToString(), "y float32[?,2] = Clip(x, -, x)\n");
}

}  // namespace
}  // namespace midstream
