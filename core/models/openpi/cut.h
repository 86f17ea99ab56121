// A part of a graph: what lies between values that a caller feeds and values that it fetches.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_CUT_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_CUT_H_

#include "core/base/status.h"
#include "core/formats/model_source.h"
#include "core/graph/graph.h"

namespace midstream::openpi {

// The graph with the feeds of the request as its inputs, in their order, and the nodes that its
// outputs need. `whole` has dtypes and shapes and no outputs. Errors: NOT_FOUND for a name that the
// graph does not have; INVALID_ARGUMENT for no output, a value that is fed twice or bound to what it
// does not accept, and an input that is reached and not fed.
Result<formats::BuiltGraph> CutGraph(const Graph& whole, const formats::GraphRequest& request);

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_CUT_H_
