#include "core/formats/tensorflow/variables.h"

#include <string>
#include <unordered_set>

namespace midstream::tensorflow {
namespace {

constexpr int kLongestIdentityChain = 64;

using NodeSet = std::unordered_set<uint32_t>;

bool IsUpdate(std::string_view op) {
  for (std::string_view prefix : {"Apply", "ResourceApply", "SparseApply", "ResourceSparseApply"}) {
    if (op.starts_with(prefix)) return true;
  }
  return false;
}

uint32_t SkipReads(const TfGraph& graph, uint32_t node) {
  for (int i = 0; i < kLongestIdentityChain; ++i) {
    std::string_view op = graph.node(node).op;
    if (op != "Identity" && op != "ReadVariableOp") break;
    auto inputs = graph.DataInputs(node);
    if (!inputs.ok() || inputs->empty()) break;
    node = (*inputs)[0].node;
  }
  return node;
}

// The first input of an update is the variable being trained, the others are the optimizer's own.
void FindTrained(const TfGraph& graph, NodeSet* trained, NodeSet* slots) {
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    if (!IsUpdate(graph.node(i).op)) continue;
    auto inputs = graph.DataInputs(i);
    if (!inputs.ok()) continue;
    for (size_t k = 0; k < inputs->size(); ++k) {
      uint32_t node = SkipReads(graph, (*inputs)[k].node);
      if (IsVariable(graph.node(node).op)) (k == 0 ? trained : slots)->insert(node);
    }
  }
}

NodeSet Reachable(const TfGraph& graph, const std::vector<TensorRef>& outputs) {
  NodeSet seen;
  std::vector<uint32_t> stack;
  for (TensorRef ref : outputs) stack.push_back(ref.node);
  while (!stack.empty()) {
    uint32_t node = stack.back();
    stack.pop_back();
    if (!seen.insert(node).second) continue;
    auto inputs = graph.DataInputs(node);
    if (!inputs.ok()) continue;
    for (TensorRef ref : *inputs) stack.push_back(ref.node);
  }
  return seen;
}

formats::WeightInfo Describe(const TfGraph& graph, const NodeDef& node) {
  formats::WeightInfo info;
  info.name = std::string(node.name);
  info.dtype = DTypeFromProto(graph.Type(node, "dtype"));
  info.shape = graph.ShapeOf(node, "shape");
  auto bytes = ByteSize(info.dtype, info.shape);
  info.bytes = bytes.ok() ? *bytes : 0;
  return info;
}

std::vector<RestoreSource> SourcesOf(const std::vector<formats::WeightInfo>& infos,
                                     const Saver& saver) {
  std::vector<RestoreSource> sources;
  for (const formats::WeightInfo& info : infos) {
    auto found = saver.sources.find(info.name);
    sources.push_back(found == saver.sources.end() ? RestoreSource{} : found->second);
  }
  return sources;
}

}  // namespace

bool IsVariable(std::string_view op) {
  return op == "VariableV2" || op == "Variable" || op == "VarHandleOp";
}

bool WritesVariable(std::string_view op) {
  return op.starts_with("Assign") || op.starts_with("Apply") || op.starts_with("ResourceApply") ||
         op.starts_with("SparseApply") || op.starts_with("ResourceSparseApply") ||
         op.starts_with("Scatter") || op.starts_with("ResourceScatter");
}

Result<Variables> FindVariables(const TfGraph& graph, const std::vector<TensorRef>& outputs) {
  MS_ASSIGN_OR_RETURN(std::vector<Saver> savers, FollowSavers(graph));
  NodeSet trained, slots;
  FindTrained(graph, &trained, &slots);
  NodeSet used = Reachable(graph, outputs);
  Variables variables;
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    const NodeDef& node = graph.node(i);
    if (!IsVariable(node.op)) continue;
    formats::WeightInfo info = Describe(graph, node);
    if (used.count(i) == 0 && trained.count(i) == 0) {
      if (slots.count(i) > 0) {
        info.use = formats::WeightUse::kOptimizer;
      } else if (!outputs.empty()) {  // else it is not known what inference uses
        info.use = formats::WeightUse::kOther;
      }
    }
    variables.infos.push_back(std::move(info));
  }
  for (const Saver& saver : savers) {
    variables.plans.push_back({saver.restore_op, SourcesOf(variables.infos, saver)});
  }
  if (savers.empty()) {
    RestorePlan by_name;
    for (const auto& info : variables.infos) by_name.sources.push_back({info.name, ""});
    variables.plans.push_back(std::move(by_name));
  }
  for (size_t i = 0; i < variables.infos.size(); ++i) {
    variables.infos[i].checkpoint_key = variables.plans[0].sources[i].key;
  }
  return variables;
}

}  // namespace midstream::tensorflow
