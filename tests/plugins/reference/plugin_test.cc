// The reference plugin as a whole: it knows every operator, dynamic shapes and weight slots.
#include "core/graph/op_schema.h"
#include "tests/plugins/reference/reference_testing.h"

namespace midstream::plugin_testing {
namespace {

// A node of the operator with as many float32 inputs as it needs.
Graph NodeOf(const OpSchema& schema) {
  Graph graph;
  std::vector<ValueId> inputs;
  for (int i = 0; i < schema.min_inputs; ++i) {
    inputs.push_back(graph.AddInput("in" + std::to_string(i), DType::kF32, Shape({kUnknownDim})));
  }
  NodeId node =
      graph.AddNode(std::string(schema.name), "node", inputs, {}, 1, std::string(schema.domain));
  ValueId out = graph.node(node).outputs[0];
  graph.value(out).dtype = DType::kF32;
  graph.AddOutput(out, "out");
  return graph;
}

TEST(ReferencePlugin, ClaimsEveryOperatorOfTheSchemaTable) {
  auto device = OpenPlugin("reference");
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  for (const OpSchema& schema : AllSchemas()) {
    auto claims = (*device)->Claim(NodeOf(schema));
    ASSERT_TRUE(claims.ok()) << claims.status().ToString();
    EXPECT_EQ((*claims)[0].mine, !schema.opaque) << schema.domain << " " << schema.name;
  }
}

TEST(ReferencePlugin, RefusesWhatItCannotHold) {
  auto device = OpenPlugin("reference");
  ASSERT_TRUE(device.ok());
  Graph graph = NodeOf({"", "Nope", 1, 1, 1, 1, nullptr});
  EXPECT_EQ((*(*device)->Claim(graph))[0].reason, MS_REASON_OP);
  graph = NodeOf(*FindSchema("", "Relu"));
  graph.value(graph.inputs()[0]).dtype = DType::kString;
  EXPECT_EQ((*(*device)->Claim(graph))[0].reason, MS_REASON_DTYPE);
  graph = NodeOf(*FindSchema("", "Relu"));
  graph.value(graph.inputs()[0]).shape = Shape(std::vector<int64_t>(33, 1));
  EXPECT_EQ((*(*device)->Claim(graph))[0].reason, MS_REASON_SHAPE);
}

TEST(ReferencePlugin, RefusesUnknownOptions) {
  auto device = OpenPlugin("reference");
  ASSERT_TRUE(device.ok());
  ms_kv option = {{"speed", 5}, {"11", 2}};
  ms_device* handle = nullptr;
  ms_error error{};
  error.struct_size = sizeof error;
  EXPECT_EQ((*device)->table().device_open(0, &option, 1, &handle, &error), MS_INVALID_ARGUMENT);
  EXPECT_THAT(std::string(error.message), testing::HasSubstr("'speed'"));
}

TEST(ReferencePlugin, ModuleOfUnknownShapesRunsAtConcreteOnes) {
  auto device = OpenPlugin("reference");
  ASSERT_TRUE(device.ok());
  NodeCase node{"MatMul", "", {}, {{F32({2, 1}, {1, 2})}, {F32({1, 2}, {3, 4}), Via::kWeight}}};
  node.dynamic = true;
  auto outputs = RunNode(*device, node);
  ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
  EXPECT_THAT(Values<float>((*outputs)[0]), testing::ElementsAre(3, 4, 6, 8));
}

}  // namespace
}  // namespace midstream::plugin_testing
