#include "core/models/openpi/weights.h"

#include <utility>

#include "core/models/openpi/names.h"

namespace midstream::openpi {
namespace {

// How a matrix of the PyTorch layout, [out, in], becomes [in, out].
const std::vector<size_t> kTransposed = {1, 0};
// Heads first, as JAX stores them, become heads after the rows: [N, D, H] -> [D, N, H].
const std::vector<size_t> kHeadsInside = {1, 0, 2};
// [out, in, y, x] -> [y, x, in, out].
const std::vector<size_t> kFilterTransposed = {2, 3, 1, 0};

Shape Stacked(int64_t layers, const Shape& shape) {
  std::vector<int64_t> dims = shape.dims();
  dims.insert(dims.begin(), layers);
  return dims;
}

class Lister {
 public:
  explicit Lister(const Sizes& sizes) : sizes_(sizes), jax_(sizes.naming == Naming::kJax) {}

  std::vector<CanonicalWeight> Run() {
    Vision();
    Add(kLlm + "embedder/input_embedding", {sizes_.vocabulary, sizes_.vlm.width},
        std::string(kTorchEmbedding), {});
    Gemma(sizes_.vlm, "", "paligemma.model.language_model.", false);
    if (sizes_.family == Family::kPi0Fast) return std::move(weights_);
    Gemma(sizes_.expert, "_1", "gemma_expert.model.", sizes_.family == Family::kPi05);
    Projections();
    return std::move(weights_);
  }

 private:
  // A tensor that is stored as it is in JAX, and in PyTorch with its axes permuted: axis i of the
  // canonical one is axis order[i] there.
  void Add(const std::string& name, const Shape& shape, const std::string& torch,
           const std::vector<size_t>& order) {
    if (jax_) return Push({name, shape, {name, shape, -1, -1, {}}});
    Shape stored = shape;
    for (size_t i = 0; i < order.size(); ++i) stored.mutable_dims()[order[i]] = shape[i];
    Push({name, shape, {torch, stored, -1, -1, order}});
  }

  // A dense layer outside of stacks.
  void Dense(const std::string& name, int64_t in, int64_t out, const std::string& torch) {
    Add(name + "/kernel", {in, out}, torch + ".weight", kTransposed);
    Add(name + "/bias", {out}, torch + ".bias", {});
  }

  // A tensor of layer `i` in a stack of JAX: `stacked` is its shape there without the axis of layers,
  // of which the part `part` (or all) with axes in `order` is the canonical tensor.
  struct Layer {
    std::string stack;  // "PaliGemma/llm/layers/"
    int64_t depth = 0;
    std::string torch;  // "paligemma_with_expert.paligemma.model.language_model.layers."
    int64_t index = 0;
  };
  struct InJax {
    std::string path;  // below the stack
    Shape shape;
    int64_t part = -1;
    std::vector<size_t> order;
  };
  void AddLayer(const Layer& layer, const std::string& path, const Shape& shape, InJax jax,
                const std::string& torch) {
    const std::string number = std::to_string(layer.index);
    const std::string name = layer.stack + number + "/" + path;
    if (jax_) {
      return Push({name,
                   shape,
                   {layer.stack + jax.path, Stacked(layer.depth, jax.shape), layer.index, jax.part,
                    std::move(jax.order)}});
    }
    const bool matrix = shape.rank() == 2;
    const Shape stored = matrix ? Shape{shape[1], shape[0]} : shape;
    Push({name,
          shape,
          {layer.torch + number + "." + torch, stored, -1, -1,
           matrix ? kTransposed : std::vector<size_t>{}}});
  }
  // One that the stack of JAX holds in the same shape.
  void AddPlain(const Layer& layer, const std::string& path, const Shape& shape,
                const std::string& torch) {
    AddLayer(layer, path, shape, {path, shape, -1, {}}, torch);
  }
  void AddDense(const Layer& layer, const std::string& path, int64_t in, int64_t out,
                const std::string& torch) {
    AddPlain(layer, path + "/kernel", {in, out}, torch + ".weight");
    AddPlain(layer, path + "/bias", {out}, torch + ".bias");
  }

  void Vision() {
    const VisionSizes& v = sizes_.vision;
    const std::string tower =
        std::string(kTorchModel) + "paligemma.model.vision_tower.vision_model.";
    const std::string embeddings = tower + "embeddings.";
    Add(kImg + "embedding/kernel", {v.patch, v.patch, 3, v.width},
        embeddings + "patch_embedding.weight", kFilterTransposed);
    Add(kImg + "embedding/bias", {v.width}, embeddings + "patch_embedding.bias", {});
    Positions(embeddings + "position_embedding.weight");
    for (int64_t i = 0; i < v.depth; ++i) {
      VisionLayer({kImg + "Transformer/encoderblock/", v.depth, tower + "encoder.layers.", i});
    }
    Add(kImg + "Transformer/encoder_norm/scale", {v.width}, tower + "post_layernorm.weight", {});
    Add(kImg + "Transformer/encoder_norm/bias", {v.width}, tower + "post_layernorm.bias", {});
    Dense(kImg + "head", v.width, sizes_.vlm.width,
          std::string(kTorchModel) + "paligemma.model.multi_modal_projector.linear");
  }

  // The only tensor whose number of dimensions differs.
  void Positions(const std::string& torch) {
    const VisionSizes& v = sizes_.vision;
    const std::string name = kImg + "pos_embedding";
    const Shape shape = {1, v.tokens, v.width};
    const Shape stored = jax_ ? shape : Shape{v.tokens, v.width};
    Push({name, shape, {jax_ ? name : torch, stored, -1, -1, {}}});
  }

  void VisionLayer(const Layer& layer) {
    const VisionSizes& v = sizes_.vision;
    const std::string attention = "MultiHeadDotProductAttention_0/";
    const int64_t inner = v.heads * v.head_dim;
    AddPlain(layer, "LayerNorm_0/scale", {v.width}, "layer_norm1.weight");
    AddPlain(layer, "LayerNorm_0/bias", {v.width}, "layer_norm1.bias");
    for (const auto& [jax, torch] : {std::pair{"query", "self_attn.q_proj"},
                                     {"key", "self_attn.k_proj"},
                                     {"value", "self_attn.v_proj"}}) {
      const std::string path = attention + jax;
      AddLayer(layer, path + "/kernel", {v.width, inner},
               {path + "/kernel", {v.width, v.heads, v.head_dim}, -1, {}},
               std::string(torch) + ".weight");
      AddLayer(layer, path + "/bias", {inner}, {path + "/bias", {v.heads, v.head_dim}, -1, {}},
               std::string(torch) + ".bias");
    }
    AddLayer(layer, attention + "out/kernel", {inner, v.width},
             {attention + "out/kernel", {v.heads, v.head_dim, v.width}, -1, {}},
             "self_attn.out_proj.weight");
    AddPlain(layer, attention + "out/bias", {v.width}, "self_attn.out_proj.bias");
    AddPlain(layer, "LayerNorm_1/scale", {v.width}, "layer_norm2.weight");
    AddPlain(layer, "LayerNorm_1/bias", {v.width}, "layer_norm2.bias");
    AddDense(layer, "MlpBlock_0/Dense_0", v.width, v.mlp, "mlp.fc1");
    AddDense(layer, "MlpBlock_0/Dense_1", v.mlp, v.width, "mlp.fc2");
  }

  // `suffix` is JAX's: modules of the action expert end in "_1".
  void Gemma(const GemmaSizes& g, const std::string& suffix, const std::string& torch,
             bool adaptive) {
    const std::string path = std::string(kTorchModel) + torch;
    for (int64_t i = 0; i < g.depth; ++i) {
      const Layer layer = {kLlm + "layers/", g.depth, path + "layers.", i};
      GemmaNorm(layer, g, "pre_attention_norm" + suffix, "input_layernorm", adaptive);
      GemmaAttention(layer, g, suffix);
      GemmaNorm(layer, g, "pre_ffw_norm" + suffix, "post_attention_layernorm", adaptive);
      GemmaMlp(layer, g, "mlp" + suffix);
    }
    const std::string norm = kLlm + "final_norm" + suffix;
    if (adaptive) {
      Dense(norm + "/Dense_0", g.width, 3 * g.width, path + "norm.dense");
    } else {
      Add(norm + "/scale", {g.width}, path + "norm.weight", {});
    }
  }

  // An adaptive one has a dense layer in place of a scale.
  void GemmaNorm(const Layer& layer, const GemmaSizes& g, const std::string& jax,
                 const std::string& torch, bool adaptive) {
    if (adaptive) return AddDense(layer, jax + "/Dense_0", g.width, 3 * g.width, torch + ".dense");
    AddPlain(layer, jax + "/scale", {g.width}, torch + ".weight");
  }

  void GemmaAttention(const Layer& layer, const GemmaSizes& g, const std::string& suffix) {
    const int64_t d = g.width;
    const int64_t n = g.heads;
    const int64_t k = g.kv_heads;
    const int64_t h = g.head_dim;
    const std::string q_path = "attn/q_einsum" + suffix + "/w";
    const std::string kv_path = "attn/kv_einsum" + suffix;
    const std::string out_path = "attn/attn_vec_einsum" + suffix + "/w";
    AddLayer(layer, q_path, {d, n * h}, {q_path, {n, d, h}, -1, kHeadsInside},
             "self_attn.q_proj.weight");
    const Shape kv = {2, k, d, h};
    AddLayer(layer, kv_path + "/k", {d, k * h}, {kv_path + "/w", kv, 0, kHeadsInside},
             "self_attn.k_proj.weight");
    AddLayer(layer, kv_path + "/v", {d, k * h}, {kv_path + "/w", kv, 1, kHeadsInside},
             "self_attn.v_proj.weight");
    AddLayer(layer, out_path, {n * h, d}, {out_path, {n, h, d}, -1, {}}, "self_attn.o_proj.weight");
  }

  void GemmaMlp(const Layer& layer, const GemmaSizes& g, const std::string& mlp) {
    const std::string gating = mlp + "/gating_einsum";
    const Shape both = {2, g.width, g.mlp};
    AddLayer(layer, gating + "/gate", {g.width, g.mlp}, {gating, both, 0, {}},
             "mlp.gate_proj.weight");
    AddLayer(layer, gating + "/up", {g.width, g.mlp}, {gating, both, 1, {}}, "mlp.up_proj.weight");
    AddPlain(layer, mlp + "/linear", {g.mlp, g.width}, "mlp.down_proj.weight");
  }

  void Projections() {
    const int64_t width = sizes_.expert.width;
    const auto dense = [this](const std::string& name, int64_t in, int64_t out) {
      Dense(name, in, out, name);
    };
    dense("action_in_proj", sizes_.action_dim, width);
    if (sizes_.family == Family::kPi0) {
      dense("state_proj", sizes_.action_dim, width);
      dense("action_time_mlp_in", 2 * width, width);
      dense("action_time_mlp_out", width, width);
    } else {
      dense("time_mlp_in", width, width);
      dense("time_mlp_out", width, width);
    }
    dense("action_out_proj", width, sizes_.action_dim);
  }

  void Push(CanonicalWeight weight) { weights_.push_back(std::move(weight)); }

  const std::string kImg = "PaliGemma/img/";
  const std::string kLlm = "PaliGemma/llm/";
  const Sizes& sizes_;
  const bool jax_;
  std::vector<CanonicalWeight> weights_;
};

}  // namespace

std::vector<CanonicalWeight> CanonicalWeights(const Sizes& sizes) { return Lister(sizes).Run(); }

}  // namespace midstream::openpi
