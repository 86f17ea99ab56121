// Removal of nodes that only pass a value on, and of steps that a following step undoes.
#ifndef MIDSTREAM_CORE_PASSES_SIMPLIFY_H_
#define MIDSTREAM_CORE_PASSES_SIMPLIFY_H_

#include "core/graph/graph.h"

namespace midstream::passes {

// Identity, Transpose of Transpose, Reshape of Reshape, Cast of Cast, Pad by nothing, Slice of
// everything, Concat of one, and optional outputs that nothing reads. Every rule is exact to the
// bit. Requires: compact and inferred. On return the graph is compact. Errors: as Compact.
Status Simplify(Graph& graph);

// True if a Cast from `from` to `to` loses nothing, so that casting back, or on, cannot tell.
bool IsLossless(DType from, DType to);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_SIMPLIFY_H_
