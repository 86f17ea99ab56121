// Which nodes of the model a node of its compiled graph stands for.
#ifndef MIDSTREAM_CORE_COMPARE_SOURCE_NODES_H_
#define MIDSTREAM_CORE_COMPARE_SOURCE_NODES_H_

#include <string>
#include <vector>

#include "core/compare/arm.h"
#include "core/graph/graph.h"

namespace midstream::compare {

struct SourceNode {
  std::string name;
  std::string op;
};

// `imported` is the graph before the passes. A node of it that the compiled graph no longer has is
// counted to the node that it came after. Left out are nodes that only move elements, and those that
// recipes compute. In the order of the graph; empty for a node that the passes made.
std::vector<SourceNode> SourcesOf(const Graph& imported, const CompiledGraph& compiled,
                                  const std::string& node);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_SOURCE_NODES_H_
