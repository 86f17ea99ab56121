// Commits and rollbacks: what happens under current_mutex_, in a time that does not depend on the
// size of the model.
#include <algorithm>

#include "core/base/trace.h"
#include "core/weights/store.h"

namespace midstream::weights {

Status Store::CanCommit(const StagedVersion& staged) const {
  if (unloaded_) return FailedPrecondition("the model is unloaded");
  if (staged.base.lock() == current_) return OkStatus();
  const std::string base = std::to_string(staged.base_id);
  if (current_->id == staged.base_id) {
    return Status(Code::kAborted,
                  "the update was staged for other sessions than the model has now: stage it anew");
  }
  return Status(Code::kAborted, "the update was staged on version " + base + ", but version " +
                                    std::to_string(current_->id) + " is current: stage it anew");
}

uint64_t Store::CommitLocked(const StagedVersion& staged, Dropped* dropped) {
  std::shared_ptr<Version> next = staged.next;
  next->id = ++newest_;
  next->committed = std::chrono::steady_clock::now();
  ++commits_;
  --staged_;
  const uint64_t id = next->id;
  live_.push_back({id, next});
  kept_.push_back(next);
  dropped->push_back(std::exchange(current_, std::move(next)));
  TrimKept(std::max<size_t>(options_.keep_versions, 1), dropped);
  return id;
}

// The current version is the last of those that are kept.
void Store::TrimKept(size_t count, Dropped* dropped) {
  while (kept_.size() > count) {
    dropped->push_back(std::move(kept_.front()));
    kept_.erase(kept_.begin());
  }
  std::erase_if(live_, [](const Live& live) { return live.version.expired(); });
}

Result<uint64_t> Store::Commit(StagedVersion* staged) {
  const std::pair<Store*, StagedVersion*> alone(this, staged);
  MS_ASSIGN_OR_RETURN(const std::vector<uint64_t> versions, CommitAll({&alone, 1}));
  return versions.front();
}

void Store::Discard() {
  std::lock_guard lock(current_mutex_);
  --staged_;
}

Result<std::vector<uint64_t>> Store::CommitAll(
    std::span<const std::pair<Store*, StagedVersion*>> commits) {
  std::vector<std::pair<Store*, StagedVersion*>> order(commits.begin(), commits.end());
  std::sort(order.begin(), order.end());
  Dropped dropped;
  std::vector<uint64_t> versions;
  {
    std::vector<std::unique_lock<std::mutex>> locks;
    for (auto& [store, staged] : order) locks.emplace_back(store->current_mutex_);
    Status possible = OkStatus();
    for (auto& [store, staged] : order) {
      if (possible.ok()) possible = store->CanCommit(*staged);
    }
    if (!possible.ok()) {
      for (auto& [store, staged] : order) {
        --store->staged_;
        ++store->rejected_[std::string(ReasonName(Reason::kStaleBase))];
      }
      return possible;
    }
    for (auto& [store, staged] : commits) {
      versions.push_back(store->CommitLocked(*staged, &dropped));
    }
  }
  for (uint64_t id : versions) {
    trace::Instant("weights", "commit", {{"version", static_cast<int64_t>(id)}});
  }
  return versions;
}

Status Store::Rollback(uint64_t version) {
  Dropped dropped;
  for (;;) {
    std::shared_ptr<const Version> wanted;
    {
      std::lock_guard lock(current_mutex_);
      if (unloaded_) return FailedPrecondition("the model is unloaded");
      auto it = std::find_if(kept_.begin(), kept_.end(),
                             [&](const auto& kept) { return kept->id == version; });
      if (it == kept_.end()) {
        std::string kept;
        for (const auto& one : kept_) {
          kept += (kept.empty() ? "" : ", ") + std::to_string(one->id);
        }
        return NotFound("version " + std::to_string(version) + " is not kept; there are " + kept +
                        " (weights.keep_versions = " + std::to_string(options_.keep_versions) +
                        ")");
      }
      wanted = *it;
      bool complete = true;  // it has sets for every session that the current version serves
      for (size_t p = 0; p < current_->programs.size(); ++p) {
        complete = complete && (!current_->Has(p) || wanted->Has(p));
      }
      if (complete) {
        std::rotate(it, it + 1, kept_.end());
        if (wanted == current_) return OkStatus();
        dropped.push_back(std::exchange(current_, wanted));
        ++rollbacks_;
        break;
      }
    }
    std::lock_guard staging(staging_);
    MS_ASSIGN_OR_RETURN(auto completed, Completed(*wanted));
    std::lock_guard lock(current_mutex_);
    Replace(wanted, std::move(completed));
  }
  trace::Instant("weights", "rollback", {{"version", static_cast<int64_t>(version)}});
  return OkStatus();
}

}  // namespace midstream::weights
