// Batch normalisation at inference is a multiplication and an addition per channel, and those move
// into the weights of the convolution or matrix product before them.
#ifndef MIDSTREAM_CORE_PASSES_BATCH_NORM_H_
#define MIDSTREAM_CORE_PASSES_BATCH_NORM_H_

#include <string>
#include <vector>

#include "core/graph/graph.h"

namespace midstream::passes {

// Writes BatchNormalization with static parameters as Mul and Add, then folds every per-channel Mul
// by static values (those, and the ones that graphs without the fused operator spell out) into the
// weights and bias of the Conv, MatMul or Gemm that alone feeds it, through an Add of a bias. What
// it derives is nodes over weights. Nodes named in `keep` stay. Requires: compact and inferred,
// NCHW. On return the graph is compact. Errors: as Compact.
Status FoldBatchNorm(Graph& graph, const std::vector<std::string>& keep);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_BATCH_NORM_H_
