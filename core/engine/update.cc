// Model and Update: new weights, versions and pins.
#include "core/engine/impl.h"
#include "core/formats/weight_file.h"
#include "core/graph/tensor_digest.h"

namespace midstream {
namespace {

// A pin that keeps alive, after its version, the engine whose reaper frees that.
VersionPin Holding(std::shared_ptr<const weights::Version> version,
                   std::shared_ptr<const void> owner) {
  struct Held {
    std::shared_ptr<const void> owner;
    std::shared_ptr<const weights::Version> version;  // goes first
  };
  const weights::Version* pinned = version.get();
  auto held = std::make_shared<const Held>(Held{std::move(owner), std::move(version)});
  return VersionPin(std::shared_ptr<const weights::Version>(std::move(held), pinned));
}

}  // namespace

Update Model::BeginUpdate(const UpdateOptions& options) {
  Update update;
  update.impl_ = std::make_shared<Update::Impl>(
      Update::Impl{impl_, impl_->store->Begin(impl_->Complete(options))});
  return update;
}

Result<uint64_t> Model::UpdateFrom(const std::string& checkpoint) {
  UpdateOptions options;
  options.check = CheckMode::kExact;
  return UpdateFrom(checkpoint, options);
}

Result<uint64_t> Model::UpdateFrom(const std::string& checkpoint, const UpdateOptions& options) {
  MS_RETURN_IF_ERROR(impl_->TakesWeights());
  auto applied = impl_->ApplyWhole(options, [&](const formats::MatchOptions& match) {
    return formats::OpenWeights(*impl_->source, checkpoint, match);
  });
  if (!applied.ok()) return applied.status().WithContext(checkpoint);
  return applied->version;
}

Status Model::Rollback(uint64_t version) { return impl_->store->Rollback(version); }
uint64_t Model::version() const { return impl_->store->Pin()->id; }
ModelStats Model::stats() const { return impl_->store->Stats(); }
void Model::Unload() {
  impl_->CloseSessions();
  impl_->store->Unload();
}

VersionPin Model::Pin() const { return Holding(impl_->store->Pin(), impl_); }

Result<VersionPin> Model::Pin(uint64_t version) const {
  MS_ASSIGN_OR_RETURN(auto pinned, impl_->store->Pin(version));
  return Holding(std::move(pinned), impl_);
}

Result<Tensor> Model::ReadWeight(const std::string& name) { return impl_->store->Read(name); }
Result<Tensor> Model::ReadWeight(const std::string& name, const VersionPin& version) {
  return impl_->store->Read(name, version.held());
}

Result<std::string> Model::Digest(const VersionPin& version) {
  if (version.held() == nullptr) return InvalidArgument("the pin holds no version");
  SetDigest digest;
  for (const formats::WeightInfo& weight : impl_->source->weights()) {
    if (weight.use == formats::WeightUse::kOptimizer || weight.checkpoint_key.empty()) continue;
    MS_ASSIGN_OR_RETURN(const Tensor value, ReadWeight(weight.name, version));
    MS_RETURN_IF_ERROR(digest.Add(weight.name, value).status());
  }
  MS_ASSIGN_OR_RETURN(const Sha256Digest whole, digest.Finish());
  return Hex(whole);
}

std::vector<VersionPin> Engine::PinTogether(const std::vector<Model>& models) {
  std::vector<weights::Store*> stores;
  for (const Model& model : models) stores.push_back(model.impl_->store.get());
  auto versions = weights::PinTogether(stores);
  std::vector<VersionPin> pins;
  for (size_t i = 0; i < versions.size(); ++i) {
    pins.push_back(Holding(std::move(versions[i]), models[i].impl_));
  }
  return pins;
}

Result<std::vector<uint64_t>> Engine::CommitTogether(const std::vector<Update*>& updates) {
  std::vector<weights::Transaction*> transactions;
  Status allowed = OkStatus();
  for (Update* update : updates) {
    if (allowed.ok()) allowed = update->impl_->model->TakesWeights();
    transactions.push_back(&update->impl_->transaction);
  }
  if (!allowed.ok()) {
    for (weights::Transaction* transaction : transactions) transaction->Abort();
    return allowed;
  }
  return weights::CommitTogether(transactions);
}

void Update::Assign(std::string_view name, Tensor value) {
  impl_->transaction.Put(name, std::move(value));
}
void Update::Adopt(std::string_view name, Tensor value) {
  impl_->transaction.Adopt(name, std::move(value));
}
void Update::AssignRows(std::string_view name, int64_t begin, Tensor rows) {
  impl_->transaction.PutRows(name, begin, std::move(rows));
}
Status Update::Stage() {
  MS_RETURN_IF_ERROR(impl_->model->TakesWeights());
  return impl_->transaction.Stage();
}
Result<uint64_t> Update::Commit() {
  MS_RETURN_IF_ERROR(impl_->model->TakesWeights());
  return impl_->transaction.Commit();
}
void Update::Abort() { impl_->transaction.Abort(); }

}  // namespace midstream
