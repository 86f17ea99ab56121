#include "core/formats/tensorflow/weights.h"

#include <algorithm>

#include "core/formats/file.h"
#include "core/formats/tensorflow/object_keys.h"
#include "core/formats/tensorflow/slice_key.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

// Of the weights that the model's outputs need: whether `checkpoint` has the key of every one that
// `plan` restores, and `plan` restores every one that `first` does.
bool Fits(const Checkpoint& checkpoint, const Variables& all, const RestorePlan& plan,
          const RestorePlan& first) {
  for (size_t i = 0; i < all.infos.size(); ++i) {
    if (all.infos[i].use != formats::WeightUse::kOutputs) continue;
    const std::string& key = plan.sources[i].key;
    if (key.empty() ? !first.sources[i].key.empty() : checkpoint.Find(key) == nullptr) return false;
  }
  return true;
}

// TensorFlow restores through the Saver that the caller holds; here only the file says which one
// wrote it. SaverDef names the one that wrote the .meta file, so that one is taken when its keys are
// there. A checkpoint that another Saver of the graph wrote (moving averages beside plain values)
// has other keys: then the first Saver is taken whose keys are all there. One that would leave out
// weights never replaces it, so a Saver of the step counter alone does not fit everything. Where
// none fits, SaverDef's stays, and reading reports the keys that are missing.
const RestorePlan& ChoosePlan(const Checkpoint& checkpoint, const Variables& all) {
  for (const RestorePlan& plan : all.plans) {
    if (Fits(checkpoint, all, plan, all.plans[0])) return plan;
  }
  return all.plans[0];
}

}  // namespace

CheckpointWeights::CheckpointWeights(std::unique_ptr<Checkpoint> checkpoint,
                                     std::shared_ptr<const Variables> variables, bool verify)
    : checkpoint_(std::move(checkpoint)),
      variables_(std::move(variables)),
      plan_(&ChoosePlan(*checkpoint_, *variables_)),
      verify_(verify) {
  if (!Fits(*checkpoint_, *variables_, *plan_, variables_->plans[0])) {
    object_plan_ = FindObjectPlan(*checkpoint_, *variables_);
    if (object_plan_) plan_ = &*object_plan_;
  }
  for (size_t i = 0; i < variables_->infos.size(); ++i) {
    bool stored = checkpoint_->Find(plan_->sources[i].key) != nullptr;
    if (stored && variables_->infos[i].use != formats::WeightUse::kOptimizer) {
      names_.push_back(variables_->infos[i].name);
    }
  }
}

Result<std::unique_ptr<CheckpointWeights>> CheckpointWeights::Open(
    const std::string& path, std::shared_ptr<const Variables> variables,
    const formats::OpenOptions& options) {
  MS_ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open(path));
  checkpoint->set_services(options.services);
  return std::unique_ptr<CheckpointWeights>(
      new CheckpointWeights(std::move(checkpoint), std::move(variables), options.verify_checksums));
}

Result<Tensor> CheckpointWeights::Read(const std::string& name) const {
  const auto& infos = variables_->infos;
  auto info = std::find_if(infos.begin(), infos.end(),
                           [&](const formats::WeightInfo& i) { return i.name == name; });
  if (info == infos.end()) return NotFound("the model has no weight " + Quoted(name));
  const RestoreSource& source = plan_->sources[static_cast<size_t>(info - infos.begin())];
  if (source.key.empty()) {
    return NotFound("the model's Saver restores no value for weight " + Quoted(name));
  }
  return ReadSource(source, *info);
}

Result<Tensor> CheckpointWeights::ReadSource(const RestoreSource& source,
                                             const formats::WeightInfo& info) const {
  const StoredTensor* stored = checkpoint_->Find(source.key);
  if (stored == nullptr) return Missing(source, info.name);
  std::string what = checkpoint_->path() + ": tensor " + Quoted(source.key);
  Box box = WholeBox(stored->shape);
  if (!source.slice.empty()) {
    MS_ASSIGN_OR_RETURN(PartOfTensor part, ParseSlice(source.slice));
    if (part.whole != stored->shape) {
      return InvalidArgument(what + " has the shape " + stored->shape.ToString() + "; weight " +
                             Quoted(info.name) + " is a part of " + part.whole.ToString());
    }
    what += " (part " + Quoted(source.slice) + ")";
    box = std::move(part.box);
  }
  if (DTypeFromProto(stored->type) != info.dtype) {
    return InvalidArgument(what + " has the type " + ProtoTypeName(stored->type) +
                           "; the graph declares " + std::string(DTypeName(info.dtype)));
  }
  if (!info.shape.Accepts(BoxShape(box))) {
    return InvalidArgument(what + " has the shape " + BoxShape(box).ToString() +
                           "; the graph declares " + info.shape.ToString());
  }
  return checkpoint_->ReadPart(source.key, box, verify_);
}

Status CheckpointWeights::Missing(const RestoreSource& source, const std::string& name) const {
  std::string text = checkpoint_->path() + " has no tensor " + Quoted(source.key);
  if (source.key != name) text += ", which holds weight " + Quoted(name);
  if (variables_->plans.size() > 1) {
    text += "; Saver " + Quoted(plan_->restore_op) +
            " restores it so, and the keys of none of the " +
            std::to_string(variables_->plans.size()) + " Savers of the graph are all in the file";
  }
  return NotFound(text);
}

}  // namespace midstream::tensorflow
