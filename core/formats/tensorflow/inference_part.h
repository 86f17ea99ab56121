// Finds where the inference part of a training graph ends: which tensors a user wants to fetch.
//
// A placeholder on the way into an operator that reads a weight is an input of the model; the
// others (labels, say) belong to training. What depends on weights and inputs, but on no label and
// no gradient, is the inference part. It ends where nothing of it reads on, and where a loss
// begins.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_INFERENCE_PART_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_INFERENCE_PART_H_

#include <vector>

#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

// In the order of the graph. A guess: any tensor may be fetched.
std::vector<TensorRef> FindInferenceOutputs(const TfGraph& graph);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_INFERENCE_PART_H_
