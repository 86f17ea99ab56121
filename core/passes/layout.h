// The layout that the backend prefers: NHWC variants of convolutions and pooling.
#ifndef MIDSTREAM_CORE_PASSES_LAYOUT_H_
#define MIDSTREAM_CORE_PASSES_LAYOUT_H_

#include "core/graph/graph.h"

namespace midstream::passes {

// Turns every ONNX operator with NCHW images that has an NHWC variant in domain "midstream" into
// that variant between two Transposes, which SinkTransposes then cancels. A filter that was a
// Transpose of an HWIO weight is read as it is, with weight_layout "HWIO". Requires: compact and
// inferred.
void UseChannelsLast(Graph& graph);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_LAYOUT_H_
