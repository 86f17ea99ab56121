#include "core/compare/source_nodes.h"

#include <algorithm>
#include <set>

namespace midstream::compare {
namespace {

bool OnlyMoves(const Node& node) {
  for (const char* op : {"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}) {
    if (node.op == op) return true;
  }
  return false;
}

}  // namespace

std::vector<SourceNode> SourcesOf(const Graph& imported, const CompiledGraph& compiled,
                                  const std::string& wanted) {
  std::set<std::string_view> kept;
  for (const CompiledNode& node : compiled.nodes) kept.insert(node.name);
  // For each value, the compiled node that its maker was counted to; empty: inputs, weights and what
  // depends on weights alone.
  std::vector<std::string_view> owner(imported.values().size());
  std::vector<SourceNode> sources;
  for (const Node& node : imported.nodes()) {
    std::string_view mine;
    if (kept.contains(node.name)) {
      mine = node.name;
    } else {
      for (const ValueId in : node.inputs) {
        if (in == kNoValue || owner[in].empty()) continue;
        mine = owner[in];
        break;
      }
    }
    for (const ValueId out : node.outputs) owner[out] = mine;
    if (mine != wanted) continue;
    if (node.name == wanted || !OnlyMoves(node)) sources.push_back({node.name, node.op});
  }
  return sources;
}

}  // namespace midstream::compare
