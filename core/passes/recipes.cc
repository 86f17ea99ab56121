#include "core/passes/recipes.h"

#include <algorithm>
#include <map>

#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

// For each value: it can be computed during an update, and its memory planned before.
std::vector<bool> DerivedValues(const Graph& graph) {
  std::vector<bool> derived(graph.values().size(), false);
  std::vector<bool> known(graph.values().size(), false);  // constants and weights, and over them
  for (ValueId id = 0; id < graph.values().size(); ++id) {
    ValueKind kind = graph.value(id).kind;
    known[id] = kind == ValueKind::kWeight || kind == ValueKind::kConstant;
  }
  auto from_weight = [&](ValueId in) {
    return in != kNoValue && (graph.value(in).kind == ValueKind::kWeight || derived[in]);
  };
  auto is_known = [&](ValueId in) { return in == kNoValue || known[in]; };
  for (const Node& node : graph.nodes()) {
    bool computable = IsPure(node) && std::all_of(node.inputs.begin(), node.inputs.end(), is_known);
    bool weights = std::any_of(node.inputs.begin(), node.inputs.end(), from_weight);
    for (ValueId out : node.outputs) {
      known[out] = computable && graph.value(out).shape.IsFullyKnown();
      derived[out] = known[out] && weights;
    }
  }
  return derived;
}

// Copies the expression below one value into a graph of its own.
class Extractor {
 public:
  Extractor(const Graph& graph, Recipe* recipe) : graph_(graph), recipe_(recipe) {}

  Status Run(ValueId root) {
    std::vector<NodeId> needed = NodesBelow(root);
    for (NodeId id : needed) {
      for (ValueId in : graph_.node(id).inputs) CopyLeaf(in);
    }
    for (NodeId id : needed) CopyNode(graph_.node(id));
    recipe_->result = graph_.value(root).name;
    recipe_->graph.AddOutput(copies_.at(root), recipe_->result);
    return recipe_->graph.Compact();
  }

 private:
  // In the order of the graph, which is topological.
  std::vector<NodeId> NodesBelow(ValueId root) const {
    std::vector<NodeId> found = {graph_.value(root).producer};
    for (size_t i = 0; i < found.size(); ++i) {
      for (ValueId in : graph_.node(found[i]).inputs) {
        if (in == kNoValue || graph_.value(in).kind != ValueKind::kNode) continue;
        NodeId producer = graph_.value(in).producer;
        if (std::find(found.begin(), found.end(), producer) == found.end()) {
          found.push_back(producer);
        }
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  void CopyLeaf(ValueId id) {
    if (id == kNoValue || copies_.contains(id)) return;
    const Value& value = graph_.value(id);
    if (value.kind == ValueKind::kWeight) {
      copies_[id] = recipe_->graph.AddInput(value.name, value.dtype, value.shape);
      recipe_->sources.push_back(value.name);
    } else if (value.kind == ValueKind::kConstant) {
      copies_[id] = recipe_->graph.AddConstant(value.name, value.constant);
    }
  }

  void CopyNode(const Node& node) {
    std::vector<ValueId> inputs;
    for (ValueId in : node.inputs) inputs.push_back(in == kNoValue ? kNoValue : copies_.at(in));
    NodeId copy = recipe_->graph.AddNode(node.op, node.name, std::move(inputs), node.attrs,
                                         node.outputs.size(), node.domain);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value& from = graph_.value(node.outputs[i]);
      ValueId to = recipe_->graph.node(copy).outputs[i];
      recipe_->graph.value(to).dtype = from.dtype;
      recipe_->graph.value(to).shape = from.shape;
      copies_[node.outputs[i]] = to;
    }
  }

  const Graph& graph_;
  Recipe* recipe_;
  std::map<ValueId, ValueId> copies_;
};

// Read by a node that is not part of a recipe, or an output.
std::vector<bool> Frontier(const Graph& graph, const std::vector<bool>& derived) {
  std::vector<bool> frontier(graph.values().size(), false);
  for (const Node& node : graph.nodes()) {
    bool inside = std::all_of(node.outputs.begin(), node.outputs.end(),
                              [&](ValueId out) { return derived[out]; });
    if (inside) continue;
    for (ValueId in : node.inputs) {
      if (in != kNoValue && derived[in]) frontier[in] = true;
    }
  }
  for (ValueId out : graph.outputs()) {
    if (derived[out]) frontier[out] = true;
  }
  return frontier;
}

}  // namespace

Result<std::vector<Recipe>> ExtractRecipes(Graph& graph) {
  std::vector<bool> derived = DerivedValues(graph);
  std::vector<bool> frontier = Frontier(graph, derived);
  std::vector<Recipe> recipes;
  for (ValueId id = 0; id < frontier.size(); ++id) {
    if (!frontier[id]) continue;
    MS_RETURN_IF_ERROR(Extractor(graph, &recipes.emplace_back()).Run(id));
  }
  for (ValueId id = 0; id < frontier.size(); ++id) {
    if (!frontier[id]) continue;
    ValueId weight =
        graph.AddWeight(graph.value(id).name, graph.value(id).dtype, graph.value(id).shape);
    std::swap(graph.value(id).name, graph.value(weight).name);
    graph.ReplaceUses(id, weight);
  }
  MS_RETURN_IF_ERROR(graph.Compact());
  return recipes;
}

}  // namespace midstream::passes
