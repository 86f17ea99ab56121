#include "core/plan/precision_report.h"

#include <map>

namespace midstream::plan {
namespace {

std::vector<DType> DTypesOf(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<DType> dtypes;
  for (ValueId id : values) {
    dtypes.push_back(id == kNoValue ? DType::kInvalid : graph.value(id).dtype);
  }
  return dtypes;
}

// "Cast(Mul(a, b))"; what is too deep to be read is cut.
std::string Expression(const Graph& graph, ValueId value, int depth) {
  const Value& from = graph.value(value);
  if (from.kind != ValueKind::kNode) {
    return from.kind == ValueKind::kConstant ? std::string("constant") : from.name;
  }
  const Node& node = graph.node(from.producer);
  if (depth == 0) return node.op + "(...)";
  std::string text;
  for (ValueId in : node.inputs) {
    if (in == kNoValue) continue;
    text += (text.empty() ? "" : ", ") + Expression(graph, in, depth - 1);
  }
  return node.op + "(" + text + ")";
}

constexpr int kDepthShown = 3;

}  // namespace

PrecisionReport MakePrecisionReport(const Graph& graph, const passes::PrecisionPolicy& policy,
                                    const passes::PrecisionPlan& plan, const Placement& placement,
                                    const std::vector<passes::Recipe>& recipes,
                                    const std::vector<std::shared_ptr<backend::Device>>& devices) {
  std::map<std::string_view, const passes::PrecisionDecision*> decided;
  for (const passes::PrecisionDecision& decision : plan.decisions) {
    decided[decision.node] = &decision;
  }
  PrecisionReport report;
  report.mode = policy.mode;
  report.notes = plan.notes;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    const Node& node = graph.node(id);
    PrecisionReport::Node row;
    row.name = node.name;
    row.op = (node.domain.empty() ? "" : node.domain + ".") + node.op;
    row.backend = devices[placement.device_of[id]]->label();
    row.inputs = DTypesOf(graph, node.inputs);
    row.outputs = DTypesOf(graph, node.outputs);
    row.accumulate = placement.claims[id].accumulate;
    if (auto it = decided.find(node.name); it != decided.end()) {
      row.met = it->second->met;
      row.reason = it->second->reason;
    } else {
      row.reason = node.op == "Cast" ? "between nodes of different dtypes"
                                     : "makes an output of what no node computes";
    }
    report.nodes.push_back(std::move(row));
  }
  std::map<std::string_view, const passes::Recipe*> derived;
  for (const passes::Recipe& recipe : recipes) derived[recipe.result] = &recipe;
  for (ValueId id : graph.weights()) {
    const Value& weight = graph.value(id);
    auto it = derived.find(weight.name);
    std::string recipe;
    if (it != derived.end()) {
      recipe = Expression(it->second->graph, it->second->graph.outputs()[0], kDepthShown);
    }
    report.weights.push_back({weight.name, weight.dtype, std::move(recipe)});
  }
  return report;
}

}  // namespace midstream::plan
