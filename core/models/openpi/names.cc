#include "core/models/openpi/names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/formats/file.h"

namespace midstream::openpi {
namespace {

constexpr std::string_view kJaxModel = "PaliGemma/";
constexpr std::string_view kLerobotPrefix = "model.";
// So that products of two of them are no overflow.
constexpr int64_t kLargestDim = int64_t{1} << 30;
// What torch.compile and parallel training put around a model or a part of it.
constexpr std::string_view kWrappers[] = {"_orig_mod.", "module."};
constexpr std::string_view kEmbedTokens =
    "paligemma_with_expert.paligemma.model.language_model.embed_tokens.weight";

// Module paths of older transformers, and those of today. The first that fits counts.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kOlderPaths = {{
    {"paligemma.language_model.lm_head.", "paligemma.lm_head."},
    {"paligemma.language_model.model.", "paligemma.model.language_model."},
    {"paligemma.model.language_model.model.", "paligemma.model.language_model."},
    {"paligemma.language_model.", "paligemma.model.language_model."},
    {"paligemma.vision_tower.", "paligemma.model.vision_tower."},
    {"paligemma.multi_modal_projector.", "paligemma.model.multi_modal_projector."},
    {"paligemma.model.lm_head.", "paligemma.lm_head."},
}};

// The name without the path components that wrappers add.
std::string Unwrapped(std::string_view name) {
  std::string path;
  while (!name.empty()) {
    const std::string_view component = name.substr(0, name.find('.') + 1);  // all: the last
    const bool last = component.empty();
    const bool wrapper =
        std::find(std::begin(kWrappers), std::end(kWrappers), component) != std::end(kWrappers);
    if (!wrapper) path += last ? name : component;
    name.remove_prefix(last ? name.size() : component.size());
  }
  return path;
}

}  // namespace

Result<Naming> RecogniseNaming(const std::vector<formats::TensorInfo>& tensors) {
  for (const formats::TensorInfo& tensor : tensors) {
    if (tensor.name.starts_with(kJaxModel)) return Naming::kJax;
    if (tensor.name.find(kTorchModel) != std::string::npos) return Naming::kTorch;
  }
  return InvalidArgument(
      "no OpenPI checkpoint: expected tensors named 'PaliGemma/...' (JAX) or "
      "'paligemma_with_expert....' (PyTorch), got " +
      (tensors.empty() ? std::string("no tensor") : formats::Quoted(tensors.front().name)) +
      (tensors.size() > 1 ? " and others" : ""));
}

std::string CurrentTorchName(std::string_view stored) {
  const std::string unwrapped = Unwrapped(stored);
  std::string_view name = unwrapped;
  if (name.starts_with(kLerobotPrefix)) name.remove_prefix(kLerobotPrefix.size());
  if (!name.starts_with(kTorchModel)) return std::string(name);
  const std::string_view path = name.substr(kTorchModel.size());
  for (const auto& [older, current] : kOlderPaths) {
    if (!path.starts_with(older)) continue;
    return std::string(kTorchModel) + std::string(current) + std::string(path.substr(older.size()));
  }
  return std::string(name);
}

StoredTensors::StoredTensors(const std::vector<formats::TensorInfo>& tensors, Naming naming)
    : tensors_(tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = tensors[i].name;
    indices_.emplace(naming == Naming::kTorch ? CurrentTorchName(name) : name, i);
  }
  // The embedding is tied to the head: saving keeps one of the two names, loading takes the head's.
  const auto embedding = indices_.find(kEmbedTokens);
  if (embedding != indices_.end()) indices_.emplace(kTorchEmbedding, embedding->second);
}

std::optional<size_t> StoredTensors::Find(std::string_view name) const {
  const auto at = indices_.find(name);
  if (at == indices_.end()) return std::nullopt;
  return at->second;
}

Result<Shape> StoredTensors::ShapeOf(const std::string& name, size_t rank) const {
  const std::optional<size_t> index = Find(name);
  if (!index) return InvalidArgument("the checkpoint has no tensor " + formats::Quoted(name));
  const Shape& shape = tensors_[*index].shape;
  const bool fits = std::all_of(shape.dims().begin(), shape.dims().end(),
                                [](int64_t dim) { return dim > 0 && dim <= kLargestDim; });
  if (shape.rank() == rank && fits) return shape;
  return InvalidArgument("tensor " + formats::Quoted(tensors_[*index].name) + ": expected " +
                         std::to_string(rank) + " dimensions of 1 to " +
                         std::to_string(kLargestDim) + ", got " + shape.ToString());
}

bool StoredTensors::HasPrefix(std::string_view prefix) const {
  const auto at = indices_.lower_bound(prefix);
  return at != indices_.end() && at->first.starts_with(prefix);
}

int64_t StoredTensors::CountLayers(const std::string& prefix) const {
  int64_t count = 0;
  while (HasPrefix(prefix + std::to_string(count) + ".")) ++count;
  return count;
}

}  // namespace midstream::openpi
