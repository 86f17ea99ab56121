// The parts of the graph (graph.h), each in a file of its own.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_PARTS_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_PARTS_H_

#include <functional>
#include <string>

#include "core/models/openpi/layers.h"

namespace midstream::openpi {

// images -> siglip.tokens [n, image tokens, width of the language model].
ValueId BuildVision(Layers& layers, const Sizes& sizes, ValueId images);

// Embeddings of tokens [1, P], as the language model takes them.
ValueId BuildTokenEmbedding(Layers& layers, const Sizes& sizes, const std::string& name,
                            ValueId tokens);

// A norm of one of the three kinds of place (attention, feed-forward, final): the normalised x, and
// what the block's result is multiplied with, or kNoValue.
struct Normed {
  ValueId x = kNoValue;
  ValueId gate = kNoValue;
};
using Norm = std::function<Normed(const std::string& name, ValueId x, const std::string& module)>;

// One pass of Gemma over rows [1, s, width].
struct GemmaPass {
  std::string stage;  // the prefix of its values: "prefix"
  GemmaSizes sizes;
  std::string suffix;  // of its modules in checkpoints: "", or "_1" of the action expert
  Layers::Rotation rotation;
  ValueId mask = kNoValue;
  Norm norm;
  // Keys and values that rows attend to beside their own, per layer; empty: none.
  std::vector<ValueId> past_k = {};
  std::vector<ValueId> past_v = {};
};
// Returns STAGE.out; makes STAGE.layers.<i>.k, .v too, which `k` and `v` get.
ValueId BuildGemma(Layers& layers, const GemmaPass& pass, ValueId x, std::vector<ValueId>* k,
                   std::vector<ValueId>* v);
// Gemma's own norm, x / rms(x) * (1 + scale).
Norm PlainNorm(Layers& layers);
// STAGE.k and STAGE.v.
void StackCache(Layers& layers, const GemmaPass& pass, const std::vector<ValueId>& k,
                const std::vector<ValueId>& v);

// The prefix: its keys and values per layer, which all else reads.
struct Prefix {
  ValueId out = kNoValue;
  std::vector<ValueId> k;
  std::vector<ValueId> v;
};
Prefix BuildPrefix(Layers& layers, const Sizes& sizes, ValueId image_tokens, ValueId tokens);

// The action expert of pi0 and pi05, from its inputs to suffix.v_t.
void BuildSuffix(Layers& layers, const Sizes& sizes, const Prefix& prefix);
// suffix.time_emb [m, width of the expert] of time [m].
ValueId BuildTimeEmbedding(Layers& layers, const Sizes& sizes, ValueId time);

// The head of pi0_fast on the prefix, and one step of decoding.
void BuildDecoder(Layers& layers, const Sizes& sizes, const Prefix& prefix);

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_PARTS_H_
