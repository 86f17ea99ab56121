#include "core/passes/layout.h"

#include <algorithm>
#include <string_view>

#include "core/graph/op_schema.h"
#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

const Permutation kToNhwc = {0, 2, 3, 1};
const Permutation kToNchw = {0, 3, 1, 2};
const Permutation kHwioToOihw = {3, 2, 0, 1};

bool HasVariant(const Graph& graph, const Node& node) {
  static constexpr std::string_view kImageOperators[] = {
      "AveragePool", "BatchNormalization", "Conv", "GlobalAveragePool", "GlobalMaxPool", "LRN",
      "MaxPool"};
  if (!node.domain.empty() || node.outputs.size() != 1) return false;
  if (std::find(std::begin(kImageOperators), std::end(kImageOperators), node.op) ==
      std::end(kImageOperators)) {
    return false;
  }
  const Shape& data = graph.value(node.inputs[0]).shape;
  return data.rank_known() && data.rank() == 4 && FindSchema(kMidstreamDomain, node.op) != nullptr;
}

void UseHwioFilter(Graph& graph, NodeId id) {
  const Node* transpose = TransposeOf(graph, graph.node(id).inputs[1]);
  if (transpose == nullptr || PermOf(graph, *transpose) != kHwioToOihw) return;
  ValueId filter = transpose->inputs[0];
  graph.node(id).inputs[1] = filter;
  graph.node(id).attrs["weight_layout"] = std::string("HWIO");
}

void Convert(Graph& graph, NodeId id) {
  ValueId data = AddTranspose(graph, graph.node(id).inputs[0], kToNhwc);
  Node& node = graph.node(id);
  node.domain = kMidstreamDomain;
  node.attrs["data_layout"] = std::string("NHWC");
  node.inputs[0] = data;
  Value& result = graph.value(node.outputs[0]);
  if (result.shape.rank_known()) result.shape = Permuted(result.shape.dims(), kToNhwc);
  if (node.op == "Conv") UseHwioFilter(graph, id);
  TransposeResult(graph, id, kToNchw);
}

}  // namespace

void UseChannelsLast(Graph& graph) {
  auto count = static_cast<NodeId>(graph.nodes().size());
  for (NodeId id = 0; id < count; ++id) {
    if (HasVariant(graph, graph.node(id))) Convert(graph, id);
  }
}

}  // namespace midstream::passes
