// The geometry of sliding windows: what convolutions and pooling share.
#ifndef MIDSTREAM_CORE_GRAPH_OPS_WINDOW_H_
#define MIDSTREAM_CORE_GRAPH_OPS_WINDOW_H_

#include <cstdint>
#include <vector>

#include "core/graph/ops/infer.h"

namespace midstream::infer {

// Spatial output sizes of a window of `kernel` cells over `spatial` (entries of both may be
// unknown), from the attributes strides, dilations, pads and auto_pad. With round_up the last
// window may hang over the end, but it starts inside the input or its leading padding.
Result<std::vector<int64_t>> WindowOutput(const InferContext& context,
                                          const std::vector<int64_t>& spatial,
                                          const std::vector<int64_t>& kernel, bool round_up);

// Position of the channel axis and of the first spatial axis.
struct Layout {
  size_t channel = 1;
  size_t spatial = 2;
};
inline Layout LayoutOf(bool channels_last, size_t rank) {
  return channels_last ? Layout{rank - 1, 1} : Layout{1, 2};
}

}  // namespace midstream::infer

#endif  // MIDSTREAM_CORE_GRAPH_OPS_WINDOW_H_
