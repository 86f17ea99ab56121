// Moves Transposes down through the operators that do not care about the order of axes, until they
// meet their inverse and both vanish.
#ifndef MIDSTREAM_CORE_PASSES_SINK_H_
#define MIDSTREAM_CORE_PASSES_SINK_H_

#include "core/graph/graph.h"

namespace midstream::passes {

// Elementwise operators (an operand that is a weight or constant is reordered instead, as nodes
// over it), Concat, Pad, Softmax, reductions. Leaves the graph as it was if the result would have
// more Transposes of data. Requires: compact and inferred. On return the graph is compact. Errors:
// as Compact.
Status SinkTransposes(Graph& graph);

// A Transpose that only moves dimensions of size 1 becomes a Reshape. For the end of all layout
// work: a Reshape cannot be sunk or cancelled.
void TransposesToReshapes(Graph& graph);

// Transposes that depend on the model's inputs.
int CountDataTransposes(const Graph& graph);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_SINK_H_
