// Pins, programs, values and figures of a store. Staging is in store_staging.cc, commits and
// rollbacks are in store_commit.cc.
#include "core/weights/store.h"

#include <algorithm>
#include <atomic>

#include "core/graph/named_tensor.h"

namespace midstream::weights {

namespace {

std::atomic<uint64_t> stores_made{0};

}  // namespace

Store::Store(Declared declared, InitialReader initial, Evaluator& evaluator, Reaper& reaper,
             StoreOptions options)
    : number_(++stores_made),
      declared_(std::move(declared)),
      initial_(std::move(initial)),
      evaluator_(evaluator),
      reaper_(reaper),
      options_(options) {
  Version first;
  first.id = newest_;
  first.committed = std::chrono::steady_clock::now();
  current_ = NewVersion(std::move(first));
  kept_ = {current_};
  live_ = {{current_->id, current_}};
}

// Whoever drops the last reference only hands the version over; the reaper pays for freeing it.
std::shared_ptr<Version> Store::NewVersion(Version value) const {
  value.model = number_;
  return {new Version(std::move(value)),
          [reaper = &reaper_](Version* version) { reaper->Retire([version] { delete version; }); }};
}

std::shared_ptr<const Version> Store::Pin() const {
  std::lock_guard lock(current_mutex_);
  return current_;
}

Result<std::shared_ptr<const Version>> Store::Pin(uint64_t version) const {
  std::lock_guard lock(current_mutex_);
  if (unloaded_) return FailedPrecondition("the model is unloaded");
  // The newest object of a number has the sets of the sessions that came last.
  for (auto live = live_.rbegin(); live != live_.rend(); ++live) {
    if (live->id != version) continue;
    if (auto found = live->version.lock()) return found;
  }
  std::string there;
  for (const Live& live : live_) {
    if (!live.version.expired()) there += (there.empty() ? "" : ", ") + std::to_string(live.id);
  }
  return NotFound("version " + std::to_string(version) + " is not in memory; there are " + there);
}

std::vector<std::shared_ptr<const Version>> PinTogether(std::span<Store* const> stores) {
  std::vector<Store*> order(stores.begin(), stores.end());
  std::sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  std::vector<std::unique_lock<std::mutex>> locks;
  for (Store* store : order) locks.emplace_back(store->current_mutex_);
  std::vector<std::shared_ptr<const Version>> pins;
  for (const Store* store : stores) pins.push_back(store->current_);
  return pins;
}

Result<Tensor> Store::Read(const std::string& name, std::shared_ptr<const Version> version) {
  std::lock_guard lock(staging_);
  std::string key(WithoutPort(name));
  if (declared_.count(key) == 0) return NotFound("the model has no weight '" + key + "'");
  if (version == nullptr) version = Pin();
  if (version->model != number_)
    return InvalidArgument("the pinned version is one of another model");
  return ValueOf(*version, key);
}

bool Store::IsUsed(const std::string& name) const {
  return std::any_of(attached_.begin(), attached_.end(), [&](const auto& attached) {
    return attached != nullptr && attached->Reads(name);
  });
}

Result<Tensor> Store::ValueOf(const Version& version, const std::string& name) {
  if (initial_ == nullptr) return FailedPrecondition("the model is unloaded");
  if (version.updated->count(name) == 0) return initial_(name);
  if (auto it = version.host.find(name); it != version.host.end()) return it->second.value;
  return ReadBack(version, name);
}

bool Store::CanReadBack(const Version& version, const std::string& name) {
  for (size_t p = 0; p < version.programs.size(); ++p) {
    if (version.Has(p) && version.programs[p].index->ReadableSlot(name) != nullptr) return true;
  }
  return false;
}

Result<Tensor> Store::ReadBack(const Version& version, const std::string& name) {
  for (size_t p = 0; p < version.programs.size(); ++p) {
    if (!version.Has(p)) continue;
    const SlotRef* slot = version.programs[p].index->ReadableSlot(name);
    if (slot == nullptr) continue;
    const WeightDecl& decl = declared_.at(name);
    MS_ASSIGN_OR_RETURN(Tensor value, Tensor::Allocate(decl.dtype, decl.shape));
    MS_RETURN_IF_ERROR((*version.programs[p].sets)[slot->segment]->Get(slot->slot, &value));
    return value;
  }
  return Internal("the updated value of weight '" + name + "' was not kept");
}

Result<size_t> Store::Attach(std::shared_ptr<const plan::Program> program) {
  std::lock_guard lock(staging_);
  MS_ASSIGN_OR_RETURN(std::shared_ptr<AttachedProgram> attached,
                      AttachedProgram::Create(std::move(program)));
  for (;;) {
    auto current = Pin();
    Staging staging(
        attached, [&](const std::string& name) { return ValueOf(*current, name); }, evaluator_,
        *ledger_);
    MS_ASSIGN_OR_RETURN(ProgramSets sets, staging.All());
    Version next = *current;
    next.programs.resize(attached_.size() + 1);
    next.programs.back() = std::move(sets);
    std::lock_guard current_lock(current_mutex_);
    if (unloaded_) return FailedPrecondition("the model is unloaded");
    if (current_ != current) continue;  // a rollback or a staged version came between
    Replace(current, NewVersion(std::move(next)));
    attached_.push_back(std::move(attached));
    whole_bytes_ = CostOfAll();
    return attached_.size() - 1;
  }
}

void Store::Detach(size_t program) {
  std::lock_guard lock(staging_);
  if (attached_[program] == nullptr) return;  // the model was unloaded
  for (bool done = false; !done;) {
    std::vector<std::shared_ptr<const Version>> kept;
    {
      std::lock_guard current_lock(current_mutex_);
      kept = kept_;
    }
    std::vector<std::shared_ptr<Version>> fresh;
    for (const auto& version : kept) fresh.push_back(WithoutProgram(*version, program));
    std::lock_guard current_lock(current_mutex_);
    done = kept_ == kept;  // else a version was committed meanwhile
    for (size_t i = 0; done && i < kept.size(); ++i) Replace(kept[i], std::move(fresh[i]));
  }
  attached_[program] = nullptr;
  whole_bytes_ = CostOfAll();
}

// What only this program's sets could give back must survive it.
std::shared_ptr<Version> Store::WithoutProgram(const Version& version, size_t program) {
  Version next = version;
  if (version.Has(program)) {
    next.programs[program] = {};
    for (const std::string& name : *version.updated) {
      if (next.host.count(name) != 0 || CanReadBack(next, name)) continue;
      auto value = ReadBack(version, name);
      if (!value.ok()) continue;
      auto charge = ledger_->Take(value->byte_size());
      next.host[name] = {*std::move(value), std::move(charge)};
    }
  }
  return NewVersion(std::move(next));
}

void Store::Replace(const std::shared_ptr<const Version>& old, std::shared_ptr<Version> fresh) {
  const bool kept = std::find(kept_.begin(), kept_.end(), old) != kept_.end();
  if (!kept) return;  // trimmed meanwhile
  if (current_ == old) current_ = fresh;
  std::erase_if(live_, [](const Live& live) { return live.version.expired(); });
  live_.push_back({fresh->id, fresh});
  std::replace(kept_.begin(), kept_.end(), old, std::shared_ptr<const Version>(std::move(fresh)));
}

void Store::AddNormalisations(std::vector<Normalisation> normalisations) {
  std::lock_guard lock(staging_);
  normalisations_.insert(normalisations_.end(), std::make_move_iterator(normalisations.begin()),
                         std::make_move_iterator(normalisations.end()));
}

void Store::Unload() {
  std::lock_guard lock(staging_);
  Version empty;
  std::vector<std::shared_ptr<const Version>> dropped;
  {
    std::lock_guard current_lock(current_mutex_);
    unloaded_ = true;
    empty.id = current_->id;
    dropped.swap(kept_);
    dropped.push_back(std::exchange(current_, NewVersion(std::move(empty))));
  }
  dropped.clear();
  for (auto& attached : attached_) attached = nullptr;
  initial_ = nullptr;
  reaper_.Drain();
}

ModelStats Store::Stats() const {
  ModelStats stats;
  std::vector<std::shared_ptr<const Version>> there;
  std::map<uint64_t, VersionStats> versions;
  {
    std::lock_guard lock(current_mutex_);
    there.push_back(current_);
    stats.newest_version = newest_;
    stats.staged = staged_;
    stats.commits = commits_;
    stats.rollbacks = rollbacks_;
    stats.rejected = rejected_;
    for (const Live& live : live_) {
      auto version = live.version.lock();
      if (version == nullptr) continue;
      const bool kept = std::find(kept_.begin(), kept_.end(), version) != kept_.end();
      // Not counted: `version` itself, and what the store and `there` hold.
      const long own = 1 + (kept ? 1 : 0) + (version == current_ ? 2 : 0);
      VersionStats& row = versions[live.id];
      row.version = live.id;
      row.kept = row.kept || kept;
      row.pins += static_cast<uint64_t>(std::max(0L, version.use_count() - own));
      there.push_back(std::move(version));
    }
  }
  const Version& current = *there.front();
  stats.version = current.id;
  stats.age_ns = static_cast<uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - current.committed).count());
  stats.lag = stats.newest_version - stats.version + stats.staged;
  for (const auto& version : there) {
    // An unloaded model has a version without weights, which is none of these.
    if (auto row = versions.find(version->id); row != versions.end()) {
      row->second.bytes = version->Bytes();
    }
  }
  for (auto& [id, row] : versions) stats.versions.push_back(row);
  stats.bytes = ledger_->held();
  stats.peak_bytes = ledger_->peak();
  stats.limit_bytes = options_.memory_limit > 0 ? LimitFor(current) : 0;
  return stats;
}

}  // namespace midstream::weights
