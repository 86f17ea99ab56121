// PythonModel and the passes: none of them touches it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace midstream {
namespace {

using testing::HasSubstr;
using Texts = std::vector<std::string>;

// An evaluator that must not be asked.
class NoEvaluator : public Evaluator {
 public:
  Result<std::vector<Tensor>> Evaluate(const Node& node, const std::vector<Tensor>&) override {
    return Internal("asked for " + node.op);
  }
};

Attributes Constant() {
  return {{"package", std::string("/p")},
          {"entry", std::string("m:f")},
          {"inputs", Texts{"x"}},
          {"input_dtypes", Texts{"float32"}},
          {"input_shapes", Texts{"2"}},
          {"outputs", Texts{"y", "z"}},
          {"output_dtypes", Texts(2, "float32")},
          {"output_shapes", Texts{"2", "2"}}};
}

// Known inputs, equal nodes, an output that nobody reads, a mode of 16 bits: the node stays as it
// is, with its float32 operands.
TEST(PythonModel, PassesLeaveItAlone) {
  Graph graph;
  const ValueId x = graph.AddConstant("x", *Tensor::Allocate(DType::kF32, {2}));
  for (const char* name : {"a", "b"}) {
    const NodeId node = graph.AddNode("PythonModel", name, {x}, Constant(), 2, "midstream");
    graph.AddOutput(graph.node(node).outputs[0], name);
    EXPECT_FALSE(passes::IsPure(graph.node(node)));
  }
  passes::Options options;
  options.precision = *passes::PolicyForMode("force_fp16");
  NoEvaluator evaluator;
  passes::PrecisionPlan plan;
  const auto recipes = passes::Optimize(graph, options, evaluator, &plan);
  ASSERT_TRUE(recipes.ok()) << recipes.status().ToString();
  EXPECT_TRUE(recipes->empty());
  ASSERT_EQ(graph.nodes().size(), 2u) << graph.ToString();
  for (const Node& node : graph.nodes()) {
    EXPECT_EQ(node.op, "PythonModel");
    EXPECT_EQ(node.outputs.size(), 2u);
    EXPECT_EQ(graph.value(node.inputs[0]).dtype, DType::kF32);
    EXPECT_EQ(graph.value(node.outputs[0]).dtype, DType::kF32);
  }
  EXPECT_THAT(plan.decisions[0].reason, HasSubstr("that its package declares"));
}

}  // namespace
}  // namespace midstream
