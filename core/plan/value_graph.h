// The part of a compiled graph that computes some of its values, for whoever looks for the node at
// fault: the nodes stay as the passes left them.
#ifndef MIDSTREAM_CORE_PLAN_VALUE_GRAPH_H_
#define MIDSTREAM_CORE_PLAN_VALUE_GRAPH_H_

#include <span>
#include <string>

#include "core/graph/graph.h"

namespace midstream::plan {

// Has every input of `whole` and, as outputs, the values named: results of nodes, weights, inputs or
// constants. Names, dtypes and shapes are those of `whole`. Errors: NOT_FOUND naming a value that the
// graph does not have.
Result<Graph> GraphOfValues(const Graph& whole, std::span<const std::string> values);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_VALUE_GRAPH_H_
