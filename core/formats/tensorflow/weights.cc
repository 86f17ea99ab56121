#include "core/formats/tensorflow/weights.h"

#include <algorithm>

#include "core/formats/file.h"
#include "core/formats/tensorflow/slice_key.h"

namespace midstream::tensorflow {

using formats::Quoted;

namespace {

// Parts of a partitioned variable have keys of their own.
Result<std::string> KeyInFile(const RestoreSource& source) {
  if (source.slice.empty()) return source.key;
  MS_ASSIGN_OR_RETURN(std::vector<SliceExtent> extents, ParseSlice(source.slice));
  return SliceKey(source.key, extents);
}

}  // namespace

Result<std::unique_ptr<formats::WeightReader>> CheckpointWeights::Open(
    const std::string& prefix, std::shared_ptr<const Variables> variables,
    const formats::OpenOptions& options) {
  MS_ASSIGN_OR_RETURN(Bundle bundle, Bundle::Open(prefix));
  std::unique_ptr<CheckpointWeights> weights(
      new CheckpointWeights(std::move(bundle), std::move(variables), options.verify_checksums));
  const Variables& all = *weights->variables_;
  for (size_t i = 0; i < all.infos.size(); ++i) {
    auto key = KeyInFile(all.sources[i]);
    bool stored = key.ok() && weights->bundle_.Find(*key) != nullptr;
    if (stored && all.infos[i].use != formats::WeightUse::kOptimizer) {
      weights->names_.push_back(all.infos[i].name);
    }
  }
  return std::unique_ptr<formats::WeightReader>(std::move(weights));
}

Result<Tensor> CheckpointWeights::Read(const std::string& name) const {
  const auto& infos = variables_->infos;
  auto info = std::find_if(infos.begin(), infos.end(),
                           [&](const formats::WeightInfo& i) { return i.name == name; });
  if (info == infos.end()) return NotFound("the model has no weight " + Quoted(name));
  const RestoreSource& source = variables_->sources[static_cast<size_t>(info - infos.begin())];
  if (source.key.empty()) {
    return NotFound("the model's Saver restores no value for weight " + Quoted(name));
  }
  MS_ASSIGN_OR_RETURN(std::string key, KeyInFile(source));
  std::string stored =
      Quoted(source.key) + (source.slice.empty() ? "" : " (part " + Quoted(source.slice) + ")");
  std::string what = bundle_.index_path() + ": tensor " + stored;
  const BundleEntry* entry = bundle_.Find(key);
  if (entry == nullptr) {
    return NotFound(bundle_.index_path() + " has no tensor " + stored +
                    (source.key == name ? "" : ", which holds weight " + Quoted(name)));
  }
  if (DTypeFromProto(entry->type) != info->dtype) {
    return InvalidArgument(what + " has the type " + ProtoTypeName(entry->type) +
                           "; the graph declares " + std::string(DTypeName(info->dtype)));
  }
  if (!info->shape.Accepts(entry->shape)) {
    return InvalidArgument(what + " has the shape " + entry->shape.ToString() +
                           "; the graph declares " + info->shape.ToString());
  }
  return bundle_.Read(key, verify_);
}

}  // namespace midstream::tensorflow
