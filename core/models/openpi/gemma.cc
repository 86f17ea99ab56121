// Gemma: the layers that the language model and the action expert share, and the prefix.
#include <cmath>

#include "core/models/openpi/graph.h"
#include "core/models/openpi/parts.h"

namespace midstream::openpi {
namespace {

const std::string kLlm = "PaliGemma/llm/";

// x + y, or x + y * gate.
ValueId Residual(Layers& layers, const std::string& name, ValueId x, ValueId y, ValueId gate) {
  if (gate != kNoValue) y = layers.Add("Mul", name + ".gated", {y, gate});
  return layers.Add("Add", name, {x, y});
}

// Rows attend to the past and to each other.
ValueId Joined(Layers& layers, const std::string& name, const std::vector<ValueId>& past, int64_t i,
               ValueId own) {
  if (past.empty()) return own;
  return layers.Concat(name, {past[static_cast<size_t>(i)], own}, 1);
}

ValueId SelfAttention(Layers& layers, const GemmaPass& pass, int64_t i, ValueId x,
                      std::vector<ValueId>* all_k, std::vector<ValueId>* all_v) {
  const GemmaSizes& g = pass.sizes;
  const std::string path = kLlm + "layers/" + std::to_string(i) + "/attn/";
  const auto name = [&](const char* what) { return LayerValue(pass.stage, i, what); };
  const std::string kv = path + "kv_einsum" + pass.suffix;
  ValueId q = layers.MatMul(name("q_linear"), x, path + "q_einsum" + pass.suffix + "/w");
  ValueId k = layers.MatMul(name("k_linear"), x, kv + "/k");
  const ValueId v = layers.MatMul(name("v"), x, kv + "/v");
  q = layers.Rotary(name("q"), q, pass.rotation, g.heads);
  k = layers.Rotary(name("k"), k, pass.rotation, g.kv_heads);
  all_k->push_back(k);
  all_v->push_back(v);
  const ValueId keys = Joined(layers, name("all_k"), pass.past_k, i, k);
  const ValueId values = Joined(layers, name("all_v"), pass.past_v, i, v);
  const ValueId mixed =
      layers.Attention(name("attn"), q, keys, values, pass.mask, g.heads, g.kv_heads);
  return layers.MatMul(name("attn_out"), mixed, path + "attn_vec_einsum" + pass.suffix + "/w");
}

ValueId FeedForward(Layers& layers, const GemmaPass& pass, int64_t i, ValueId x) {
  const std::string path = kLlm + "layers/" + std::to_string(i) + "/mlp" + pass.suffix;
  const auto name = [&](const char* what) { return LayerValue(pass.stage, i, what); };
  const ValueId gate = layers.MatMul(name("gate"), x, path + "/gating_einsum/gate", "Gelu");
  const ValueId up = layers.MatMul(name("up"), x, path + "/gating_einsum/up");
  const ValueId hidden = layers.Add("Mul", name("hidden"), {gate, up});
  return layers.MatMul(name("mlp"), hidden, path + "/linear");
}

// Positions 0, 1, ... of the rows of x [1, n, width], as Rotate takes them.
ValueId RowNumbers(Layers& layers, const std::string& name, ValueId x) {
  const ValueId rows = layers.SizeOf(name + ".rows", x, 1);
  return layers.Reshape(name, layers.Range(name + ".range", layers.Int(0), rows), {1, -1, 1});
}

}  // namespace

std::string LayerValue(const std::string& stage, int64_t layer, const std::string& what) {
  return stage + ".layers." + std::to_string(layer) + "." + what;
}

Norm PlainNorm(Layers& layers) {
  return [&layers](const std::string& name, ValueId x, const std::string& module) {
    return Normed{layers.RmsNorm(name, x, module), kNoValue};
  };
}

ValueId BuildGemma(Layers& layers, const GemmaPass& pass, ValueId x, std::vector<ValueId>* k,
                   std::vector<ValueId>* v) {
  for (int64_t i = 0; i < pass.sizes.depth; ++i) {
    const std::string path = kLlm + "layers/" + std::to_string(i) + "/";
    const auto name = [&](const char* what) { return LayerValue(pass.stage, i, what); };
    const Normed first = pass.norm(name("attn_norm"), x, path + "pre_attention_norm" + pass.suffix);
    const ValueId attended = SelfAttention(layers, pass, i, first.x, k, v);
    x = Residual(layers, name("after_attn"), x, attended, first.gate);
    const Normed second = pass.norm(name("ffw_norm"), x, path + "pre_ffw_norm" + pass.suffix);
    x = Residual(layers, name("out"), x, FeedForward(layers, pass, i, second.x), second.gate);
  }
  return pass.norm(pass.stage + ".out", x, kLlm + "final_norm" + pass.suffix).x;
}

void StackCache(Layers& layers, const GemmaPass& pass, const std::vector<ValueId>& k,
                const std::vector<ValueId>& v) {
  const auto stack = [&](const std::string& name, const std::vector<ValueId>& parts) {
    std::vector<ValueId> shaped;
    shaped.reserve(parts.size());
    for (ValueId part : parts) {
      shaped.push_back(layers.Reshape(name + ".layer", part,
                                      {1, 1, -1, pass.sizes.kv_heads, pass.sizes.head_dim}));
    }
    layers.Concat(name, std::move(shaped), 0);
  };
  stack(pass.stage + ".k", k);
  stack(pass.stage + ".v", v);
}

ValueId BuildTokenEmbedding(Layers& layers, const Sizes& sizes, const std::string& name,
                            ValueId tokens) {
  const ValueId table = layers.Weight(kLlm + "embedder/input_embedding");
  ValueId rows = layers.Add("Gather", name + ".rows", {table, tokens});
  if (layers.graph().value(table).dtype != DType::kF32) {
    rows = layers.Add("Cast", name + ".float", {rows}, {{"to", "float32"}});
  }
  const auto scale = static_cast<float>(std::sqrt(static_cast<double>(sizes.vlm.width)));
  return layers.Add("Mul", name, {rows, layers.Float(scale)});
}

Prefix BuildPrefix(Layers& layers, const Sizes& sizes, ValueId image_tokens, ValueId tokens) {
  const ValueId images = layers.Reshape("prefix.image_emb", image_tokens, {1, -1, sizes.vlm.width});
  const ValueId prompt = BuildTokenEmbedding(layers, sizes, "prefix.token_emb", tokens);
  const ValueId x = layers.Concat("prefix.emb", {images, prompt}, 1);
  GemmaPass pass = {.stage = "prefix",
                    .sizes = sizes.vlm,
                    .suffix = "",
                    .rotation = layers.Rotate("prefix", RowNumbers(layers, "prefix.positions", x),
                                              sizes.vlm.head_dim),
                    .norm = PlainNorm(layers)};
  Prefix prefix;
  prefix.out = BuildGemma(layers, pass, x, &prefix.k, &prefix.v);
  StackCache(layers, pass, prefix.k, prefix.v);
  return prefix;
}

}  // namespace midstream::openpi
