// Names of nodes in the configuration, held against a graph that an importer made.
#ifndef MIDSTREAM_CORE_ENGINE_NODE_NAMES_H_
#define MIDSTREAM_CORE_ENGINE_NODE_NAMES_H_

#include "core/config/config.h"
#include "core/graph/graph.h"

namespace midstream {

// Every [precision.node."NAME"] and every name of precision.keep must be a node of the graph or a
// scope of nodes: a misspelt one would change nothing, silently. Errors: INVALID_ARGUMENT listing each that is not, with its key,
// where it stands and the nearest name.
Status CheckNodeNames(const Config& config, const Graph& graph);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_ENGINE_NODE_NAMES_H_
