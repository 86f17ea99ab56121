#include "core/plan/value_graph.h"

#include <algorithm>
#include <map>
#include <vector>

namespace midstream::plan {
namespace {

Result<std::vector<ValueId>> FindValues(const Graph& graph, std::span<const std::string> names) {
  std::map<std::string_view, ValueId> ids;
  for (ValueId id = 0; id < graph.values().size(); ++id) ids[graph.value(id).name] = id;
  std::vector<ValueId> found;
  for (const std::string& name : names) {
    const auto it = ids.find(name);
    if (it == ids.end()) return NotFound("the compiled graph has no value '" + name + "'");
    found.push_back(it->second);
  }
  return found;
}

// Which nodes the values need.
std::vector<bool> NodesBelow(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<bool> needed(graph.nodes().size(), false);
  std::vector<ValueId> open = values;
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (id == kNoValue || graph.value(id).kind != ValueKind::kNode) continue;
    const NodeId producer = graph.value(id).producer;
    if (needed[producer]) continue;
    needed[producer] = true;
    const auto& inputs = graph.node(producer).inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return needed;
}

class Copier {
 public:
  Copier(const Graph& from, Graph* to) : from_(from), to_(to) {}

  // Of an input, a weight, a constant, or what a copied node makes.
  ValueId Value(ValueId id) {
    if (id == kNoValue) return kNoValue;
    if (const auto it = copies_.find(id); it != copies_.end()) return it->second;
    const midstream::Value& value = from_.value(id);
    ValueId copy = kNoValue;
    if (value.kind == ValueKind::kConstant) {
      copy = to_->AddConstant(value.name, value.constant);
    } else if (value.kind == ValueKind::kWeight) {
      copy = to_->AddWeight(value.name, value.dtype, value.shape);
    } else {
      copy = to_->AddInput(value.name, value.dtype, value.shape);
    }
    return Keep(id, copy);
  }

  void Node(const midstream::Node& node) {
    std::vector<ValueId> inputs;
    for (const ValueId in : node.inputs) inputs.push_back(Value(in));
    const NodeId copy = to_->AddNode(node.op, node.name, std::move(inputs), node.attrs,
                                     node.outputs.size(), node.domain);
    to_->node(copy).name = node.name;
    for (size_t i = 0; i < node.outputs.size(); ++i)
      Keep(node.outputs[i], to_->node(copy).outputs[i]);
  }

 private:
  ValueId Keep(ValueId id, ValueId copy) {
    to_->value(copy).name = from_.value(id).name;
    to_->value(copy).dtype = from_.value(id).dtype;
    to_->value(copy).shape = from_.value(id).shape;
    copies_[id] = copy;
    return copy;
  }

  const Graph& from_;
  Graph* to_;
  std::map<ValueId, ValueId> copies_;
};

}  // namespace

Result<Graph> GraphOfValues(const Graph& whole, std::span<const std::string> values) {
  MS_ASSIGN_OR_RETURN(const std::vector<ValueId> wanted, FindValues(whole, values));
  const std::vector<bool> needed = NodesBelow(whole, wanted);
  Graph part;
  Copier copier(whole, &part);
  for (const ValueId id : whole.inputs()) copier.Value(id);
  for (NodeId id = 0; id < needed.size(); ++id) {
    if (needed[id]) copier.Node(whole.node(id));
  }
  for (size_t i = 0; i < wanted.size(); ++i) part.AddOutput(copier.Value(wanted[i]), values[i]);
  MS_RETURN_IF_ERROR(part.Compact());
  return part;
}

}  // namespace midstream::plan
