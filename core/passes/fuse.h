// Fusion of matrix operators with the bias and the activation that follow them.
#ifndef MIDSTREAM_CORE_PASSES_FUSE_H_
#define MIDSTREAM_CORE_PASSES_FUSE_H_

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/passes/rewrite.h"

namespace midstream::passes {

// Conv, MatMul or Gemm, then Add of a static vector along the channels, then an activation, becomes
// one midstream.Conv or midstream.MatMul, which keeps the matrix operator's name. A value that is
// read twice or is an output stays available, and so does a node named in `keep`. Run after layout
// work, so that no Transpose stands between. Requires: compact and inferred. On return the graph is
// compact. Errors: as Compact.
Status Fuse(Graph& graph, const std::vector<std::string>& keep);

// Turns Conv, MatMul or Gemm into the operator of domain "midstream" that computes the same, if
// there is one. Returns whether the node is such an operator now.
bool UseFusedOperator(Graph& graph, NodeId node, StaticValues& is_static);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_FUSE_H_
