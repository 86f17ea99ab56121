#include "core/formats/tensorflow/saver.h"

#include <unordered_set>
#include <vector>

#include "core/formats/file.h"
#include "core/formats/tensorflow/tensor_proto.h"

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

}  // namespace

Result<std::map<std::string, RestoreSource, std::less<>>> FollowSaver(const TfGraph& graph) {
  std::map<std::string, RestoreSource, std::less<>> sources;
  std::string_view restore = graph.saver().restore_op;
  if (restore.empty()) return sources;
  std::optional<uint32_t> start = graph.Find(restore);
  if (!start) {
    return InvalidArgument("the Saver's restore operator " + Quoted(restore) +
                           " is not in the graph");
  }
  for (uint32_t node : Triggered(graph, *start)) {
    if (!IsAssign(graph.node(node).op)) continue;
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph.DataInputs(node));
    if (inputs.size() < 2) return InvalidArgument(Describe(graph.node(node)) + " has no value");
    MS_ASSIGN_OR_RETURN(RestoreSource source, Source(graph, inputs[1]));
    if (source.key.empty()) continue;
    sources.emplace(graph.node(inputs[0].node).name, std::move(source));
  }
  if (sources.empty()) {
    return InvalidArgument("the Saver's restore operator " + Quoted(restore) +
                           " assigns no variable");
  }
  return sources;
}

}  // namespace midstream::tensorflow
