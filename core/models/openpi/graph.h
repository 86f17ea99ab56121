// The graph of an OpenPI model, whole: every stage of it is a named value, and whoever runs a part
// feeds and fetches values (formats::GraphRequest).
//
// Rows that nobody attends to (masked images, padding of prompts) are not given to it, so positions and
// the few masks that are left follow from shapes. Values, by stage; i is a layer, n a number of images:
//
//   images                      [n, S, S, 3] float32 in [-1, 1]; input
//   siglip.patch_conv .with_posemb .block<ii>.after_attn .block<ii>.out .encoded .tokens
//   tokens                      [1, P] int32, the prompt; input
//   prefix.emb .out             [1, T, width], T = n * image tokens + P
//   prefix.layers.<i>.k .v      [1, T, kv_heads * head_dim], k with its rotary positions
//   prefix.k .v                 all of them, [layers, 1, T, kv_heads, head_dim]
// pi0, pi05:
//   time                        [m] float32; input
//   suffix.time_emb             [m, width of the expert]
//   suffix.time_bias            pi0: what the time adds to an action's embedding, [m, width]
//   suffix.adarms_cond          pi05; suffix.layers.<i>.attn_mod .ffw_mod, suffix.final_mod
//                               [m, 3 * width]: scale, shift and gate of the norms. m is 1 for all
//                               that follows
//   x                           [1, H, action_dim] float32, the noisy actions; input
//   state                       [1, action_dim] float32; input of pi0
//   suffix.emb .out             [1, s, width of the expert]; s = H, of pi0 H + 1
//   suffix.layers.<i>.k .v, suffix.k .v   as those of the prefix
//   suffix.v_t                  [1, H, action_dim], the velocity
// pi0_fast:
//   prefill.logits              [1, vocabulary] of the last row
//   decode.token                [1, 1] int32; decode.position [1, 1] int64; decode.mask
//                               [1, 1, 1, C + 1] bool, of the cache's rows and the token's own; inputs
//   decode.layers.<i>.k_cache .v_cache    [1, C, kv_heads * head_dim]; inputs
//   decode.layers.<i>.k .v      [1, 1, kv_heads * head_dim], the token's
//   decode.logits               [1, vocabulary]
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_GRAPH_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_GRAPH_H_

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/model_source.h"
#include "core/graph/graph.h"
#include "core/models/openpi/sizes.h"

namespace midstream::openpi {

// "prefix.layers.3.k"
std::string LayerValue(const std::string& stage, int64_t layer, const std::string& what);

// The inputs of one evaluation of the model, and its result.
std::vector<formats::TensorInfo> ModelInputs(const Sizes& sizes);
std::string ModelOutput(const Sizes& sizes);

// Without outputs, with dtypes and shapes. Requires: `weights` are the canonical ones of `sizes`.
Result<Graph> BuildWholeGraph(const Sizes& sizes, const std::vector<formats::WeightInfo>& weights);

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_GRAPH_H_
