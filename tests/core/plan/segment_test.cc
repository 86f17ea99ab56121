#include "core/plan/segment.h"

#include <gtest/gtest.h>

namespace midstream::plan {
namespace {

// x -> a -> b -> c -> d, and a -> d: b alone on device 1 must not leave a and d in one segment.
Graph Diamond() {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  ValueId a = graph.Add("Relu", "a", {x});
  ValueId b = graph.Add("Neg", "b", {a});
  ValueId d = graph.Add("Add", "d", {a, b});
  graph.AddOutput(d, "d");
  EXPECT_TRUE(graph.Compact().ok());
  return graph;
}

TEST(Partition, KeepsOneDeviceInOneSegment) {
  Graph graph = Diamond();
  auto segments = Partition(graph, {0, 0, 0});
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0].nodes, (std::vector<NodeId>{0, 1, 2}));
}

TEST(Partition, SplitsWhereAPathLeavesAndComesBack) {
  Graph graph = Diamond();
  auto segments = Partition(graph, {0, 1, 0});
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(segments[0].nodes, (std::vector<NodeId>{0}));
  EXPECT_EQ(segments[1].nodes, (std::vector<NodeId>{1}));
  EXPECT_EQ(segments[1].device, 1u);
  EXPECT_EQ(segments[2].nodes, (std::vector<NodeId>{2}));
}

TEST(Partition, JoinsIndependentBranchesOfOneDevice) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  graph.AddOutput(graph.Add("Relu", "a", {x}), "a");
  graph.AddOutput(graph.Add("Neg", "b", {x}), "b");
  graph.AddOutput(graph.Add("Exp", "c", {x}), "c");
  ASSERT_TRUE(graph.Compact().ok());
  auto segments = Partition(graph, {0, 1, 0});
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].nodes, (std::vector<NodeId>{0, 2}));
}

TEST(CutSegment, NamesWhatCrossesItsBorder) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {2});
  ValueId w = graph.AddWeight("w", DType::kF32, {2});
  ValueId k = graph.AddConstant("k", *Tensor::Allocate(DType::kF32, {2}));
  ValueId a = graph.Add("Add", "a", {x, w});
  ValueId b = graph.Add("Mul", "b", {a, k});
  ValueId c = graph.Add("Sub", "c", {b, a});
  graph.AddOutput(c, "c");
  graph.AddOutput(a, "a");
  ASSERT_TRUE(graph.Compact().ok());
  Segment first = CutSegment(graph, {0});
  EXPECT_EQ(first.inputs, std::vector<ValueId>{x});
  EXPECT_EQ(first.outputs, std::vector<ValueId>{a});
  EXPECT_EQ(first.graph.weights().size(), 1u);
  Segment rest = CutSegment(graph, {1, 2});
  EXPECT_EQ(rest.inputs, std::vector<ValueId>{a});
  EXPECT_EQ(rest.outputs, std::vector<ValueId>{c});
  EXPECT_TRUE(rest.graph.weights().empty());
  EXPECT_TRUE(Verify(rest.graph).ok()) << Verify(rest.graph).ToString();
}

}  // namespace
}  // namespace midstream::plan
