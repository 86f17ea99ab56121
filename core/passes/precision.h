// The precision plan, written into the graph as casts.
#ifndef MIDSTREAM_CORE_PASSES_PRECISION_H_
#define MIDSTREAM_CORE_PASSES_PRECISION_H_

#include "core/graph/graph.h"
#include "core/passes/precision_plan.h"

namespace midstream::passes {

// Gives every node the dtypes of its decision. Inputs, outputs and weights of the graph keep
// theirs; a reader that wants another reads a Cast, which for a weight becomes a recipe. Requires:
// the plan was made for this graph. On return the graph is compact and must be inferred again.
// Errors: as Compact.
Status ApplyPrecision(Graph& graph, const PrecisionPlan& plan);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_PRECISION_H_
