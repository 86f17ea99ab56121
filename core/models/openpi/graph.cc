#include "core/models/openpi/graph.h"

#include "core/graph/shape_inference.h"
#include "core/models/openpi/parts.h"

namespace midstream::openpi {

std::vector<formats::TensorInfo> ModelInputs(const Sizes& sizes) {
  const int64_t side = sizes.vision.image;
  std::vector<formats::TensorInfo> inputs = {{"images", DType::kF32, {kUnknownDim, side, side, 3}},
                                             {"tokens", DType::kI32, {1, kUnknownDim}}};
  if (sizes.family == Family::kPi0Fast) return inputs;
  if (sizes.family == Family::kPi0) inputs.push_back({"state", DType::kF32, {1, sizes.action_dim}});
  inputs.push_back({"x", DType::kF32, {1, kUnknownDim, sizes.action_dim}});
  inputs.push_back({"time", DType::kF32, {kUnknownDim}});
  return inputs;
}

std::string ModelOutput(const Sizes& sizes) {
  return sizes.family == Family::kPi0Fast ? "prefill.logits" : "suffix.v_t";
}

Result<Graph> BuildWholeGraph(const Sizes& sizes, const std::vector<formats::WeightInfo>& weights) {
  Graph graph;
  Layers layers(weights, &graph);
  const int64_t side = sizes.vision.image;
  const ValueId images = graph.AddInput("images", DType::kF32, {kUnknownDim, side, side, 3});
  const ValueId tokens = graph.AddInput("tokens", DType::kI32, {1, kUnknownDim});
  const ValueId image_tokens = BuildVision(layers, sizes, images);
  const Prefix prefix = BuildPrefix(layers, sizes, image_tokens, tokens);
  if (sizes.family == Family::kPi0Fast) {
    BuildDecoder(layers, sizes, prefix);
  } else {
    BuildSuffix(layers, sizes, prefix);
  }
  MS_RETURN_IF_ERROR(InferShapes(graph, nullptr));
  return graph;
}

}  // namespace midstream::openpi
