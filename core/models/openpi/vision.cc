// SigLIP: patches, learned positions, pre-norm transformer blocks, and the projection to the language
// model's width.
#include "core/models/openpi/parts.h"

namespace midstream::openpi {
namespace {

const std::string kImg = "PaliGemma/img/";

std::string BlockName(int64_t i) {
  const std::string number = std::to_string(i);
  return "siglip.block" + std::string(number.size() < 2 ? "0" : "") + number;
}

ValueId SelfAttention(Layers& layers, const VisionSizes& v, const std::string& name, ValueId x,
                      const std::string& path) {
  const ValueId q = layers.Dense(name + ".q", x, path + "query");
  const ValueId k = layers.Dense(name + ".k", x, path + "key");
  const ValueId y = layers.Dense(name + ".v", x, path + "value");
  const ValueId mixed = layers.Attention(name + ".attn", q, k, y, kNoValue, v.heads, v.heads);
  return layers.Dense(name + ".attn_out", mixed, path + "out");
}

ValueId Block(Layers& layers, const VisionSizes& v, int64_t i, ValueId x) {
  const std::string name = BlockName(i);
  const std::string path = kImg + "Transformer/encoderblock/" + std::to_string(i) + "/";
  const ValueId first = layers.LayerNorm(name + ".norm0", x, path + "LayerNorm_0");
  const ValueId attended =
      SelfAttention(layers, v, name, first, path + "MultiHeadDotProductAttention_0/");
  x = layers.Add("Add", name + ".after_attn", {x, attended});
  const ValueId second = layers.LayerNorm(name + ".norm1", x, path + "LayerNorm_1");
  const ValueId hidden =
      layers.Dense(name + ".mlp_hidden", second, path + "MlpBlock_0/Dense_0", "Gelu");
  const ValueId mlp = layers.Dense(name + ".mlp", hidden, path + "MlpBlock_0/Dense_1");
  return layers.Add("Add", name + ".out", {x, mlp});
}

}  // namespace

ValueId BuildVision(Layers& layers, const Sizes& sizes, ValueId images) {
  const VisionSizes& v = sizes.vision;
  const ValueId patches = layers.graph().Add("Conv", "siglip.patch_conv",
                                             {images, layers.Weight(kImg + "embedding/kernel"),
                                              layers.FloatWeight(kImg + "embedding/bias")},
                                             {{"strides", std::vector<int64_t>{v.patch, v.patch}},
                                              {"data_layout", "NHWC"},
                                              {"weight_layout", "HWIO"}},
                                             std::string(kMidstreamDomain));
  const ValueId rows = layers.Reshape("siglip.patches", patches, {0, v.tokens, v.width});
  ValueId x =
      layers.Add("Add", "siglip.with_posemb", {rows, layers.FloatWeight(kImg + "pos_embedding")});
  for (int64_t i = 0; i < v.depth; ++i) x = Block(layers, v, i, x);
  x = layers.LayerNorm("siglip.encoded", x, kImg + "Transformer/encoder_norm");
  return layers.Dense("siglip.tokens", x, kImg + "head");
}

}  // namespace midstream::openpi
