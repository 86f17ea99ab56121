#include "core/formats/tensorflow/saver.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/formats/file.h"
#include "core/formats/tensorflow/tensor_proto.h"
#include "core/formats/tensorflow/variables.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

bool IsAssign(std::string_view op) { return op == "Assign" || op == "AssignVariableOp"; }

// Everything that the restore operator triggers or reads, itself first.
std::vector<uint32_t> Triggered(const TfGraph& graph, uint32_t restore) {
  std::vector<uint32_t> order = {restore};
  std::unordered_set<uint32_t> seen = {restore};
  for (size_t i = 0; i < order.size(); ++i) {
    if (IsAssign(graph.node(order[i]).op)) continue;  // behind it lies the model itself
    std::vector<uint32_t> next = graph.ControlInputs(order[i]);
    if (auto data = graph.DataInputs(order[i]); data.ok()) {
      for (TensorRef ref : *data) next.push_back(ref.node);
    }
    for (uint32_t node : next) {
      if (seen.insert(node).second) order.push_back(node);
    }
  }
  return order;
}

// String `index` of the Const that is input `input` of a restore node.
Result<std::string> StringInput(const TfGraph& graph, uint32_t node, size_t input, size_t index) {
  MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph.DataInputs(node));
  std::string where = Describe(graph.node(node));
  if (input >= inputs.size()) return InvalidArgument(where + " has too few inputs");
  const NodeDef& source = graph.node(inputs[input].node);
  const AttrValue* value = graph.Attr(source, "value", AttrKind::kTensor);
  if (source.op != "Const" || value == nullptr) {
    return InvalidArgument(where + " takes its names from " + Describe(source) +
                           " instead of a constant");
  }
  auto strings = DecodeStringTensor(value->bytes);
  if (!strings.ok()) return strings.status().WithContext(Describe(source));
  if (index >= strings->size()) {
    return InvalidArgument(where + " has no name for its output " + std::to_string(index));
  }
  return std::string((*strings)[index]);
}

// Where the value that an Assign writes comes from; an empty key when it is not from a file.
Result<RestoreSource> Source(const TfGraph& graph, TensorRef value) {
  for (size_t steps = 0; steps < graph.nodes().size(); ++steps) {
    const NodeDef& node = graph.node(value.node);
    if (node.op == "RestoreV2") {
      RestoreSource source;
      MS_ASSIGN_OR_RETURN(source.key, StringInput(graph, value.node, 1, value.output));
      MS_ASSIGN_OR_RETURN(source.slice, StringInput(graph, value.node, 2, value.output));
      return source;
    }
    if (node.op == "Restore" || node.op == "RestoreSlice") {
      RestoreSource source;
      MS_ASSIGN_OR_RETURN(source.key, StringInput(graph, value.node, 1, 0));
      if (node.op == "RestoreSlice") {
        MS_ASSIGN_OR_RETURN(source.slice, StringInput(graph, value.node, 2, 0));
      }
      return source;
    }
    if (node.op != "Identity") break;
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph.DataInputs(value.node));
    if (inputs.empty()) break;
    value = inputs[0];
  }
  return RestoreSource{};
}

Result<Saver> Follow(const TfGraph& graph, uint32_t restore) {
  Saver saver{std::string(graph.node(restore).name), {}};
  for (uint32_t node : Triggered(graph, restore)) {
    if (!IsAssign(graph.node(node).op)) continue;
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph.DataInputs(node));
    if (inputs.size() < 2) return InvalidArgument(Describe(graph.node(node)) + " has no value");
    MS_ASSIGN_OR_RETURN(RestoreSource source, Source(graph, inputs[1]));
    if (source.key.empty()) continue;
    saver.sources.emplace(graph.node(inputs[0].node).name, std::move(source));
  }
  bool has_variables = std::any_of(graph.nodes().begin(), graph.nodes().end(),
                                   [](const NodeDef& node) { return IsVariable(node.op); });
  if (saver.sources.empty() && has_variables) {
    return InvalidArgument("the Saver's restore operator " + Quoted(saver.restore_op) +
                           " assigns no variable");
  }
  return saver;
}

bool AssignsFromFile(const TfGraph& graph, uint32_t node) {
  auto inputs = graph.DataInputs(node);
  if (!inputs.ok() || inputs->size() < 2) return false;
  auto source = Source(graph, (*inputs)[1]);
  return source.ok() && !source->key.empty();
}

// The NoOps that trigger assignments from a file and are triggered by no other such NoOp.
std::vector<uint32_t> FindRestoreOps(const TfGraph& graph) {
  std::unordered_map<uint32_t, std::vector<uint32_t>> triggered_by;
  std::vector<uint32_t> reached;
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    if (IsAssign(graph.node(i).op) && AssignsFromFile(graph, i)) reached.push_back(i);
    if (graph.node(i).op != "NoOp") continue;
    for (uint32_t input : graph.ControlInputs(i)) triggered_by[input].push_back(i);
  }
  std::set<uint32_t> found;
  std::unordered_set<uint32_t> seen;
  for (size_t i = 0; i < reached.size(); ++i) {
    const std::vector<uint32_t>& next = triggered_by[reached[i]];
    if (next.empty() && graph.node(reached[i]).op == "NoOp") found.insert(reached[i]);
    for (uint32_t node : next) {
      if (seen.insert(node).second) reached.push_back(node);
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace

Result<std::vector<Saver>> FollowSavers(const TfGraph& graph) {
  std::vector<Saver> savers;
  std::string_view restore = graph.saver().restore_op;
  if (restore.empty()) return savers;
  std::optional<uint32_t> named = graph.Find(restore);
  if (!named) {
    return InvalidArgument("the Saver's restore operator " + Quoted(restore) +
                           " is not in the graph");
  }
  MS_ASSIGN_OR_RETURN(Saver first, Follow(graph, *named));
  savers.push_back(std::move(first));
  for (uint32_t node : FindRestoreOps(graph)) {
    if (node == *named) continue;
    auto other = Follow(graph, node);
    if (other.ok()) savers.push_back(*std::move(other));
  }
  return savers;
}

}  // namespace midstream::tensorflow
