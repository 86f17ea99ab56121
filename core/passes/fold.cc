#include "core/passes/fold.h"

#include <algorithm>

#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

bool ReadsConstantsOnly(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
    return in == kNoValue || graph.value(in).kind == ValueKind::kConstant;
  });
}

// A size that is not known yet depends on the operands' values and is left to run time.
bool HasSmallResults(const Graph& graph, const Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId out) {
    auto size = ByteSize(graph.value(out).dtype, graph.value(out).shape);
    return size.ok() && *size <= kMaxFoldedBytes;
  });
}

Status FoldNode(Graph& graph, NodeId id, Evaluator& evaluator) {
  const Node& node = graph.node(id);
  std::vector<Tensor> inputs;
  for (ValueId in : node.inputs) {
    inputs.push_back(in == kNoValue ? Tensor() : graph.value(in).constant);
  }
  auto results = evaluator.Evaluate(node, inputs);
  if (!results.ok()) {
    return results.status().code() == Code::kUnimplemented ? OkStatus() : results.status();
  }
  std::vector<ValueId> outputs = node.outputs;
  for (size_t i = 0; i < outputs.size() && i < results->size(); ++i) {
    if (!(*results)[i].empty()) ReplaceByConstant(graph, outputs[i], (*results)[i]);
  }
  return OkStatus();
}

}  // namespace

Status Fold(Graph& graph, Evaluator& evaluator) {
  auto count = static_cast<NodeId>(graph.nodes().size());
  for (NodeId id = 0; id < count; ++id) {
    std::vector<ValueId> outputs = graph.node(id).outputs;
    bool known = true;
    for (ValueId out : outputs) {
      Tensor value = graph.value(out).constant;
      known = known && !value.empty();
      if (!value.empty()) ReplaceByConstant(graph, out, std::move(value));
    }
    const Node& node = graph.node(id);
    if (known || !IsPure(node) || !ReadsConstantsOnly(graph, node)) continue;
    if (HasSmallResults(graph, node)) MS_RETURN_IF_ERROR(FoldNode(graph, id, evaluator));
  }
  return graph.Compact();
}

}  // namespace midstream::passes
