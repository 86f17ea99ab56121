// The precision policy, written into the graph as casts.
#ifndef MIDSTREAM_CORE_PASSES_PRECISION_H_
#define MIDSTREAM_CORE_PASSES_PRECISION_H_

#include "core/graph/graph.h"
#include "core/passes/passes.h"

namespace midstream::passes {

// Gives every node the float dtype that the policy asks for. Only float32 changes: other floats,
// integers and bools are the model's own choice. Inputs, outputs and weights keep their dtype; a
// reader that wants another reads a Cast, which for a weight becomes a recipe. Requires: compact
// and inferred. On return the graph is compact and must be inferred again. Errors: as Compact.
Status ApplyPrecision(Graph& graph, const PrecisionPolicy& policy);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_PRECISION_H_
