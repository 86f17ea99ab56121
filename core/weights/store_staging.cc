// Staging in a store: what an update is held to, the memory that it may take, and the version that
// comes out.
#include <algorithm>
#include <cmath>

#include "core/base/log.h"
#include "core/base/trace.h"
#include "core/weights/store.h"

namespace midstream::weights {
namespace {

// Models whose versions together are smaller than this are not limited: holding an episode must not
// stop the updates of a small policy.
constexpr uint64_t kAlwaysAllowed = uint64_t{64} << 20;

std::string Megabytes(uint64_t bytes) {
  const uint64_t tenths = (bytes + 50'000) / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MB";
}

}  // namespace

Transaction Store::Begin(UpdateOptions options) { return Transaction(this, std::move(options)); }

Status Store::CountRejection(const std::vector<Problem>& problems) {
  std::set<std::string_view> reasons;
  for (const Problem& problem : problems) reasons.insert(ReasonName(problem.reason));
  {
    std::lock_guard lock(current_mutex_);
    for (std::string_view reason : reasons) ++rejected_[std::string(reason)];
  }
  return Refusal(problems);
}

Status Store::Reject(Reason reason, Status status) {
  std::lock_guard lock(current_mutex_);
  ++rejected_[std::string(ReasonName(reason))];
  return status;
}

Result<StagedVersion> Store::Stage(UpdateValues values) {
  std::lock_guard lock(staging_);
  return StageLocked(std::move(values));
}

Result<uint64_t> Store::StageAndCommit(UpdateValues values) {
  std::lock_guard lock(staging_);
  MS_ASSIGN_OR_RETURN(StagedVersion staged, StageLocked(std::move(values)));
  return Commit(&staged);
}

Result<StagedVersion> Store::StageLocked(UpdateValues values) {
  trace::Span span("weights", "stage");
  auto base = Pin();
  MS_RETURN_IF_ERROR(CheckUpdate(&values, *base));
  reaper_.Drain();  // retired memory is recycled, so steady updates ask the system for none
  MS_RETURN_IF_ERROR(MakeRoom(CostOf(values)));
  auto next = StageVersion(values, *base);
  if (!next.ok()) {
    // If it was a value that could not be read, all that cannot be are told.
    std::vector<Problem> unreadable = values.Unreadable();
    if (!unreadable.empty()) return CountRejection(unreadable);
    return Reject(Reason::kBackend, next.status());
  }
  WarnOfStaleStatistics(values);
  std::lock_guard lock(current_mutex_);
  ++staged_;
  // So that the commit allocates nothing.
  live_.reserve(live_.size() + 2);
  kept_.reserve(options_.keep_versions + 2);
  return StagedVersion{*std::move(next), base, base->id};
}

// Errors: every problem of the update.
Status Store::CheckUpdate(UpdateValues* values, const Version& base) {
  if (initial_ == nullptr) {
    return Reject(Reason::kState, FailedPrecondition("the model is unloaded"));
  }
  const UpdateOptions& options = values->options();
  if (values->empty() && options.check == CheckMode::kSubset) {
    return Reject(
        Reason::kState,
        FailedPrecondition("the update is empty: nothing was assigned since it began, was "
                           "committed or was aborted"));
  }
  if (options.base && *options.base != base.id) {
    return Reject(
        Reason::kStaleBase,
        Status(Code::kAborted, "the update is based on version " + std::to_string(*options.base) +
                                   ", but version " + std::to_string(base.id) +
                                   " is current; nothing was changed"));
  }
  if (options.check != CheckMode::kSubset) {
    for (const auto& [name, decl] : declared_) {
      if (values->Mentions(name)) continue;
      if (!decl.stored || !(decl.needed || IsUsed(name))) continue;
      values->AddProblem({Reason::kMissing, InvalidArgument("'" + name + "': missing")});
    }
  }
  if (values->problems().empty()) values->Prepare(evaluator_);
  return values->problems().empty() ? OkStatus() : CountRejection(values->problems());
}

uint64_t Store::CostOf(const UpdateValues& values) const {
  uint64_t bytes = 0;
  for (const auto& attached : attached_) {
    if (attached != nullptr) bytes += Staging::Cost(*attached, values);
  }
  for (const auto& [name, value] : values.values()) {
    if (!NeedsHostCopy(name)) continue;
    const WeightDecl& decl = declared_.at(name);
    auto size = ByteSize(decl.dtype, decl.shape);
    bytes += size.ok() ? *size : 0;
  }
  return bytes;
}

uint64_t Store::CostOfAll() const {
  uint64_t bytes = 0;
  for (const auto& attached : attached_) {
    if (attached != nullptr) bytes += attached->TotalBytes();
  }
  for (const auto& [name, decl] : declared_) {
    auto size = ByteSize(decl.dtype, decl.shape);
    if (size.ok() && NeedsHostCopy(name)) bytes += *size;
  }
  return bytes;
}

uint64_t Store::LimitFor(const Version& current) const {
  if (options_.memory_limit <= 0) return UINT64_MAX;
  const uint64_t whole = std::max(whole_bytes_.load(), current.Bytes());
  const double bytes = std::ceil(options_.memory_limit * static_cast<double>(whole));
  return std::max(kAlwaysAllowed, static_cast<uint64_t>(bytes));
}

bool Store::DropOldestKept() {
  Dropped dropped;
  std::lock_guard lock(current_mutex_);
  if (kept_.size() <= 1) return false;
  TrimKept(kept_.size() - 1, &dropped);
  return true;
}

Status Store::MakeRoom(uint64_t bytes) {
  const auto current = Pin();
  const uint64_t limit = LimitFor(*current);
  // One that can never fit costs no kept version.
  if (bytes + current->Bytes() > limit) return Reject(Reason::kMemory, NoRoom(bytes, limit));
  const auto now = std::chrono::steady_clock::now();
  while (!ledger_->WaitForRoom(bytes, limit, now) && DropOldestKept()) reaper_.Drain();
  if (ledger_->WaitForRoom(bytes, limit, now + std::chrono::milliseconds(options_.wait_ms))) {
    return OkStatus();
  }
  return Reject(Reason::kMemory, NoRoom(bytes, limit));
}

Status Store::NoRoom(uint64_t bytes, uint64_t limit) const {
  std::string holders;
  for (const VersionStats& version : Stats().versions) {
    holders += (holders.empty() ? "" : ", ") + std::string("version ") +
               std::to_string(version.version) + " with " + std::to_string(version.pins) +
               (version.pins == 1 ? " pin" : " pins");
  }
  return ResourceExhausted("the update needs up to " + Megabytes(bytes) + " beside the " +
                           Megabytes(ledger_->held()) +
                           " that are held, and weights.memory_limit_percent "
                           "allows " +
                           Megabytes(limit) + "; in memory: " + holders + "; nothing was changed");
}

Result<std::shared_ptr<Version>> Store::StageVersion(const UpdateValues& values,
                                                     const Version& base) {
  Version next = base;
  const auto source = [&](const std::string& name) -> Result<Tensor> {
    const auto below = [&] { return ValueOf(base, name); };
    return values.Find(name) != nullptr ? values.Fetch(name, below, evaluator_) : below();
  };
  for (size_t p = 0; p < base.programs.size(); ++p) {
    if (!base.Has(p)) continue;
    Staging staging(attached_[p], source, evaluator_, *ledger_);
    MS_ASSIGN_OR_RETURN(next.programs[p], staging.Changed(values, base.programs[p]));
  }
  MS_RETURN_IF_ERROR(StageHost(values, base, &next));
  return NewVersion(std::move(next));
}

Status Store::StageHost(const UpdateValues& values, const Version& base, Version* next) {
  std::set<std::string> fresh;
  for (const auto& [name, given] : values.values()) {
    if (base.updated->count(name) == 0) fresh.insert(name);
    next->host.erase(name);
    if (!NeedsHostCopy(name)) continue;
    const auto below = [&] { return ValueOf(base, name); };
    MS_ASSIGN_OR_RETURN(Tensor value, values.Fetch(name, below, evaluator_));
    auto charge = ledger_->Take(value.byte_size());
    if (!given.adopt) {
      MS_ASSIGN_OR_RETURN(value, Tensor::Copy(value.dtype(), value.shape(), value.bytes()));
    }
    next->host[name] = {std::move(value), std::move(charge)};
  }
  if (!fresh.empty()) {
    fresh.insert(base.updated->begin(), base.updated->end());
    next->updated = std::make_shared<const std::set<std::string>>(std::move(fresh));
  }
  return OkStatus();
}

bool Store::NeedsHostCopy(const std::string& name) const {
  bool held = false;
  for (const auto& attached : attached_) {
    if (attached == nullptr) continue;
    if (attached->IsSource(name)) return true;
    held = held || attached->ReadableSlot(name) != nullptr;
  }
  return !held;
}

void Store::WarnOfStaleStatistics(const UpdateValues& values) {
  const auto stale = [&](const Normalisation& norm) {
    const bool changed = values.Find(norm.scale) != nullptr || values.Find(norm.bias) != nullptr;
    return changed && values.Find(norm.mean) == nullptr && values.Find(norm.variance) == nullptr;
  };
  std::string text;
  for (const Normalisation& norm : normalisations_) {
    if (stale(norm)) text += "\n  '" + norm.mean + "', '" + norm.variance + "'";
  }
  if (text.empty()) return;
  Log(LogLevel::kWarning,
      "an update changes the scale or bias of batch normalisations and not their statistics, which "
      "stay those of older weights (told once):" +
          text);
  std::erase_if(normalisations_, stale);
}

// The version with sets for the sessions that came after it.
Result<std::shared_ptr<Version>> Store::Completed(const Version& version) {
  Version next = version;
  next.programs.resize(attached_.size());
  for (size_t p = 0; p < attached_.size(); ++p) {
    if (attached_[p] == nullptr || next.Has(p)) continue;
    Staging staging(
        attached_[p], [&](const std::string& name) { return ValueOf(version, name); }, evaluator_,
        *ledger_);
    MS_ASSIGN_OR_RETURN(next.programs[p], staging.All());
  }
  return NewVersion(std::move(next));
}

}  // namespace midstream::weights
