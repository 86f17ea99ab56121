#include "core/models/openpi/sizes.h"

#include <algorithm>
#include <cmath>

#include "core/formats/file.h"
#include "core/models/openpi/names.h"

namespace midstream::openpi {
namespace {

constexpr int64_t kSo400mWidth = 1152;
constexpr int64_t kSo400mHeads = 16;
constexpr int64_t kMostLayers = 1000;

// What both layouts have in common: reading, and the checks of what was read.
class Recogniser {
 public:
  Recogniser(const std::vector<formats::TensorInfo>& tensors, Naming naming)
      : stored_(tensors, naming) {
    sizes_.naming = naming;
  }

 protected:
  // The grid of patches is square.
  Status SetImage(int64_t patch, int64_t tokens) {
    const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
    if (side * side != tokens) {
      return InvalidArgument("the image encoder has " + std::to_string(tokens) +
                             " positions, which are no square of patches");
    }
    sizes_.vision.patch = patch;
    sizes_.vision.tokens = tokens;
    sizes_.vision.image = side * patch;
    return OkStatus();
  }

  // openpi recognises a model by what embeds its actions.
  Status SetFamily(const std::string& suffix, bool expert) {
    const bool time = stored_.Find("time_mlp_in" + suffix).has_value();
    const bool state = stored_.Find("state_proj" + suffix).has_value();
    if (time && !state) {
      sizes_.family = Family::kPi05;
    } else if (state && !time) {
      sizes_.family = Family::kPi0;
    } else if (!state && !expert) {
      sizes_.family = Family::kPi0Fast;
    } else {
      return InvalidArgument("the checkpoint has " +
                             std::string(state ? "both" : "an action expert and neither") + " of " +
                             formats::Quoted("state_proj" + suffix) + " (pi0) and " +
                             formats::Quoted("time_mlp_in" + suffix) + " (pi05)");
    }
    if (sizes_.family == Family::kPi0Fast || expert) return OkStatus();
    return InvalidArgument("the checkpoint is a " + std::string(FamilyName(sizes_.family)) +
                           " and has no action expert");
  }

  // A weight is named for every layer: a damaged file must not ask for billions of them.
  Status CheckDepth() const {
    const int64_t depth = std::max(sizes_.vision.depth, sizes_.vlm.depth);
    if (depth <= kMostLayers) return OkStatus();
    return InvalidArgument("the checkpoint has " + std::to_string(depth) +
                           " layers, expected at most " + std::to_string(kMostLayers));
  }

  // The expert attends to the prefix: heads must agree.
  Status CheckExpert() const {
    MS_RETURN_IF_ERROR(CheckDepth());
    const GemmaSizes& vlm = sizes_.vlm;
    const GemmaSizes& expert = sizes_.expert;
    if (sizes_.family == Family::kPi0Fast) return OkStatus();
    if (vlm.depth == expert.depth && vlm.heads == expert.heads && vlm.kv_heads == expert.kv_heads &&
        vlm.head_dim == expert.head_dim) {
      return OkStatus();
    }
    return InvalidArgument("the action expert has other layers or heads than the language model: " +
                           Describe(expert) + " instead of " + Describe(vlm));
  }

  static std::string Describe(const GemmaSizes& sizes) {
    return std::to_string(sizes.depth) + " layers of " + std::to_string(sizes.heads) + " and " +
           std::to_string(sizes.kv_heads) + " heads of " + std::to_string(sizes.head_dim);
  }

  StoredTensors stored_;
  Sizes sizes_;
};

class JaxRecogniser : public Recogniser {
 public:
  explicit JaxRecogniser(const std::vector<formats::TensorInfo>& tensors)
      : Recogniser(tensors, Naming::kJax) {}

  Result<Sizes> Run() {
    MS_RETURN_IF_ERROR(Vision());
    MS_RETURN_IF_ERROR(Gemma("", &sizes_.vlm));
    const std::string llm = "PaliGemma/llm/";
    MS_ASSIGN_OR_RETURN(const Shape table, stored_.ShapeOf(llm + "embedder/input_embedding", 2));
    sizes_.vocabulary = table[0];
    const bool expert = stored_.HasPrefix(llm + "layers/mlp_1/");
    MS_RETURN_IF_ERROR(SetFamily("/kernel", expert));
    if (expert) {
      MS_RETURN_IF_ERROR(Gemma("_1", &sizes_.expert));
      MS_ASSIGN_OR_RETURN(const Shape in, stored_.ShapeOf("action_in_proj/kernel", 2));
      sizes_.action_dim = in[0];
    }
    MS_RETURN_IF_ERROR(CheckExpert());
    return sizes_;
  }

 private:
  Status Vision() {
    const std::string img = "PaliGemma/img/";
    const std::string block = img + "Transformer/encoderblock/";
    MS_ASSIGN_OR_RETURN(const Shape patch, stored_.ShapeOf(img + "embedding/kernel", 4));
    MS_ASSIGN_OR_RETURN(const Shape positions, stored_.ShapeOf(img + "pos_embedding", 3));
    MS_ASSIGN_OR_RETURN(const Shape query,
                        stored_.ShapeOf(block + "MultiHeadDotProductAttention_0/query/kernel", 4));
    MS_ASSIGN_OR_RETURN(const Shape mlp, stored_.ShapeOf(block + "MlpBlock_0/Dense_0/kernel", 3));
    VisionSizes& vision = sizes_.vision;
    vision.width = patch[3];
    vision.depth = query[0];
    vision.heads = query[2];
    vision.head_dim = query[3];
    vision.mlp = mlp[2];
    return SetImage(patch[0], positions[1]);
  }

  Status Gemma(const std::string& suffix, GemmaSizes* sizes) {
    const std::string layers = "PaliGemma/llm/layers/";
    const std::string attention = layers + "attn/";
    if (stored_.Find(attention + "qkv_einsum" + suffix + "/w")) {
      return Unimplemented("tensor " + formats::Quoted(attention + "qkv_einsum" + suffix + "/w") +
                           ": Gemma with as many key heads as query heads, which no released "
                           "checkpoint has, cannot be run");
    }
    MS_ASSIGN_OR_RETURN(const Shape q, stored_.ShapeOf(attention + "q_einsum" + suffix + "/w", 4));
    MS_ASSIGN_OR_RETURN(const Shape kv,
                        stored_.ShapeOf(attention + "kv_einsum" + suffix + "/w", 5));
    MS_ASSIGN_OR_RETURN(const Shape gating,
                        stored_.ShapeOf(layers + "mlp" + suffix + "/gating_einsum", 4));
    *sizes = {.width = q[2],
              .depth = q[0],
              .mlp = gating[3],
              .heads = q[1],
              .kv_heads = kv[2],
              .head_dim = q[3]};
    return OkStatus();
  }
};

class TorchRecogniser : public Recogniser {
 public:
  TorchRecogniser(const std::vector<formats::TensorInfo>& tensors, const SizeOptions& options)
      : Recogniser(tensors, Naming::kTorch), options_(options) {}

  Result<Sizes> Run() {
    const std::string model(kTorchModel);
    MS_RETURN_IF_ERROR(Vision(model + "paligemma.model.vision_tower.vision_model."));
    MS_RETURN_IF_ERROR(Gemma(model + "paligemma.model.language_model.layers.", &sizes_.vlm));
    MS_ASSIGN_OR_RETURN(const Shape table, stored_.ShapeOf(std::string(kTorchEmbedding), 2));
    sizes_.vocabulary = table[0];
    const std::string expert = model + "gemma_expert.model.layers.";
    MS_RETURN_IF_ERROR(SetFamily(".weight", stored_.HasPrefix(expert)));
    if (sizes_.family == Family::kPi0Fast) {
      return Unimplemented("a pi0-FAST in the PyTorch layout, which openpi does not have");
    }
    MS_RETURN_IF_ERROR(Gemma(expert, &sizes_.expert));
    MS_ASSIGN_OR_RETURN(const Shape in, stored_.ShapeOf("action_in_proj.weight", 2));
    sizes_.action_dim = in[1];
    MS_RETURN_IF_ERROR(CheckExpert());
    return sizes_;
  }

 private:
  Status Vision(const std::string& tower) {
    MS_ASSIGN_OR_RETURN(const Shape patch,
                        stored_.ShapeOf(tower + "embeddings.patch_embedding.weight", 4));
    MS_ASSIGN_OR_RETURN(const Shape positions,
                        stored_.ShapeOf(tower + "embeddings.position_embedding.weight", 2));
    MS_ASSIGN_OR_RETURN(const Shape query,
                        stored_.ShapeOf(tower + "encoder.layers.0.self_attn.q_proj.weight", 2));
    MS_ASSIGN_OR_RETURN(const Shape mlp,
                        stored_.ShapeOf(tower + "encoder.layers.0.mlp.fc1.weight", 2));
    VisionSizes& vision = sizes_.vision;
    vision.width = patch[0];
    vision.depth = stored_.CountLayers(tower + "encoder.layers.");
    vision.mlp = mlp[0];
    vision.heads = options_.vision_heads;
    if (vision.heads == 0 && vision.width == kSo400mWidth) vision.heads = kSo400mHeads;
    if (vision.heads <= 0 || query[0] % vision.heads != 0) {
      return InvalidArgument(
          "the shapes of a PyTorch checkpoint do not tell how many heads its image encoder of "
          "width " +
          std::to_string(vision.width) + " has: expected a divisor of " + std::to_string(query[0]) +
          " as policy.vision_heads, got " + std::to_string(vision.heads));
    }
    vision.head_dim = query[0] / vision.heads;
    return SetImage(patch[2], positions[0]);
  }

  // openpi's PyTorch models have one head for keys and values.
  Status Gemma(const std::string& layers, GemmaSizes* sizes) {
    MS_ASSIGN_OR_RETURN(const Shape q, stored_.ShapeOf(layers + "0.self_attn.q_proj.weight", 2));
    MS_ASSIGN_OR_RETURN(const Shape k, stored_.ShapeOf(layers + "0.self_attn.k_proj.weight", 2));
    MS_ASSIGN_OR_RETURN(const Shape up, stored_.ShapeOf(layers + "0.mlp.up_proj.weight", 2));
    if (q[0] % k[0] != 0) {
      return InvalidArgument("tensor " + formats::Quoted(layers + "0.self_attn.q_proj.weight") +
                             ": expected a multiple of the " + std::to_string(k[0]) +
                             " rows of k_proj, got " + q.ToString());
    }
    *sizes = {.width = q[1],
              .depth = stored_.CountLayers(layers),
              .mlp = up[0],
              .heads = q[0] / k[0],
              .kv_heads = 1,
              .head_dim = k[0]};
    return OkStatus();
  }

  const SizeOptions options_;
};

}  // namespace

std::string_view FamilyName(Family family) {
  switch (family) {
    case Family::kPi0:
      return "pi0";
    case Family::kPi05:
      return "pi05";
    case Family::kPi0Fast:
      break;
  }
  return "pi0_fast";
}

Result<Sizes> RecogniseSizes(const std::vector<formats::TensorInfo>& tensors,
                             const SizeOptions& options) {
  MS_ASSIGN_OR_RETURN(const Naming naming, RecogniseNaming(tensors));
  if (naming == Naming::kJax) return JaxRecogniser(tensors).Run();
  return TorchRecogniser(tensors, options).Run();
}

}  // namespace midstream::openpi
