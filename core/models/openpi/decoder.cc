// pi0-FAST: the tied head on the prefix's last row, and one step of decoding on a cache of fixed size.
#include "core/models/openpi/graph.h"
#include "core/models/openpi/parts.h"

namespace midstream::openpi {
namespace {

// The logits [1, vocabulary] of rows [1, 1, width]: the head is the embedding.
ValueId Head(Layers& layers, const Sizes& sizes, const std::string& name, ValueId row) {
  const ValueId table = layers.Weight("PaliGemma/llm/embedder/input_embedding");
  const ValueId logits =
      layers.graph().Add("MatMul", name + ".row", {row, table}, {{"transpose_b", int64_t{1}}},
                         std::string(kMidstreamDomain));
  return layers.Reshape(name, logits, {1, sizes.vocabulary});
}

}  // namespace

void BuildDecoder(Layers& layers, const Sizes& sizes, const Prefix& prefix) {
  const ValueId last = layers.Slice("prefill.last", prefix.out, 1, -1, INT64_MAX);
  Head(layers, sizes, "prefill.logits", last);

  Graph& graph = layers.graph();
  const GemmaSizes& g = sizes.vlm;
  const ValueId token = graph.AddInput("decode.token", DType::kI32, {1, 1});
  const ValueId position = graph.AddInput("decode.position", DType::kI64, {1, 1});
  const ValueId mask = graph.AddInput("decode.mask", DType::kBool, {1, 1, 1, kUnknownDim});
  const ValueId column = layers.Reshape("decode.position_column", position, {1, 1, 1});
  GemmaPass pass = {.stage = "decode",
                    .sizes = g,
                    .suffix = "",
                    .rotation = layers.Rotate("decode", column, g.head_dim),
                    .mask = mask,
                    .norm = PlainNorm(layers)};
  for (int64_t i = 0; i < g.depth; ++i) {
    const Shape shape = {1, kUnknownDim, g.kv_heads * g.head_dim};
    pass.past_k.push_back(graph.AddInput(LayerValue("decode", i, "k_cache"), DType::kF32, shape));
    pass.past_v.push_back(graph.AddInput(LayerValue("decode", i, "v_cache"), DType::kF32, shape));
  }
  std::vector<ValueId> k;
  std::vector<ValueId> v;
  const ValueId x = BuildTokenEmbedding(layers, sizes, "decode.emb", token);
  Head(layers, sizes, "decode.logits", BuildGemma(layers, pass, x, &k, &v));
}

}  // namespace midstream::openpi
