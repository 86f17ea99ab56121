// Constant folding: what follows from constants and shapes alone is computed now.
#ifndef MIDSTREAM_CORE_PASSES_FOLD_H_
#define MIDSTREAM_CORE_PASSES_FOLD_H_

#include "core/graph/graph.h"
#include "core/graph/shape_inference.h"

namespace midstream::passes {

// A larger result stays a node: folding would trade time once for memory for ever.
constexpr size_t kMaxFoldedBytes = size_t{16} << 20;

// Replaces nodes whose inputs are all constants by their values, and values that shape inference
// determined by constants. Weights are no constants, so nothing that depends on one is touched.
// Nodes that the evaluator does not implement stay. Requires: compact and inferred. On return the
// graph is compact. Errors: what the evaluator says of a node that cannot be computed.
Status Fold(Graph& graph, Evaluator& evaluator);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_FOLD_H_
