// Builds the engine's graph for a request: resolves names, finds the path, translates its nodes.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUILD_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUILD_H_

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/model_source.h"
#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

struct Signature;

// `signature` may be null; its names stand for tensors like the graph's own. Errors: as
// ModelSource::BuildGraph.
Result<formats::BuiltGraph> BuildGraph(const TfGraph& source, const Signature* signature,
                                       const formats::GraphRequest& request);

// Operators that the engine's graph for `outputs` would be made from, most frequent first.
Result<std::vector<formats::OpCount>> CountOperators(const TfGraph& source,
                                                     const Signature* signature,
                                                     const std::vector<std::string>& outputs);

// What the graph says about a tensor.
formats::TensorInfo InfoOf(const TfGraph& source, TensorRef ref);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUILD_H_
