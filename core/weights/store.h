// Store: the weights of one model: what is declared, which versions there are, which is current.
//
// Requests pin the current version; whoever holds a pin keeps that version to the end. New versions
// come by transactions (transaction.h). A version that was replaced is kept for Rollback while
// there are at most keep_versions, and freed by the reaper when nothing pins it any more.
//
// Memory: all versions together hold at most `memory_limit` times the weights. An update that
// would take more gives up kept versions first, then waits for pins to go, then is refused before
// anything is staged.
//
// Threads: any may pin, read, or work on its own transaction. Staging is one at a time; it never
// blocks Pin, Commit of what is staged, or Rollback.
#ifndef MIDSTREAM_CORE_WEIGHTS_STORE_H_
#define MIDSTREAM_CORE_WEIGHTS_STORE_H_

#include <atomic>
#include <functional>
#include <mutex>
#include <span>
#include <utility>

#include "core/weights/attached_program.h"
#include "core/weights/reaper.h"
#include "core/weights/staging.h"
#include "core/weights/stats.h"
#include "core/weights/transaction.h"

namespace midstream::weights {

// The value that the model came with. Threads: called by one at a time.
using InitialReader = std::function<Result<Tensor>(const std::string& name)>;

struct StoreOptions {
  size_t keep_versions = 2;  // the current one included; at least 1
  double memory_limit = 2;   // times the weights of the current version; 0: no limit
  uint64_t wait_ms = 1000;   // for pins to go, before an update is refused for memory
};

// Four weights of a batch normalisation, by name.
struct Normalisation {
  std::string scale, bias, mean, variance;
};

class Store {
 public:
  // evaluator and reaper must outlive the store.
  Store(Declared declared, InitialReader initial, Evaluator& evaluator, Reaper& reaper,
        StoreOptions options = {});

  // Makes the weight sets that `program` needs at the current version. Returns the program's
  // number, for Version::programs. Errors: naming the weight that cannot be read or staged.
  Result<size_t> Attach(std::shared_ptr<const plan::Program> program);
  // Drops the program's sets from the next pin on.
  void Detach(size_t program);
  // Updates that change scale or bias of these and neither mean nor variance are warned of, once.
  void AddNormalisations(std::vector<Normalisation> normalisations);
  // Frees everything but what is pinned; from then on every call that can fail does.
  void Unload();

  std::shared_ptr<const Version> Pin() const;
  // Errors: NOT_FOUND naming the versions that are in memory.
  Result<std::shared_ptr<const Version>> Pin(uint64_t version) const;
  // Makes a kept version current again: the next pin gets it, under its old number. Errors:
  // NOT_FOUND naming those that are kept; those of staging when a session came after it.
  Status Rollback(uint64_t version);

  // Of this store among all of the process; its versions bear it.
  uint64_t number() const { return number_; }
  const Declared& declared() const { return declared_; }
  // The exact value of a weight in a version, the current one if null. Errors: NOT_FOUND; those of
  // reading the model.
  Result<Tensor> Read(const std::string& name, std::shared_ptr<const Version> version = nullptr);

  Transaction Begin(UpdateOptions options = {});
  ModelStats Stats() const;

 private:
  friend class Transaction;
  friend Result<std::vector<uint64_t>> CommitTogether(std::span<Transaction* const> transactions);
  friend std::vector<std::shared_ptr<const Version>> PinTogether(std::span<Store* const> stores);

  struct Live {
    uint64_t id;
    std::weak_ptr<const Version> version;
  };
  // What a commit has pushed out; it goes when no lock is held.
  using Dropped = std::vector<std::shared_ptr<const Version>>;

  // Transactions.
  Result<StagedVersion> Stage(UpdateValues values);
  Result<uint64_t> Commit(StagedVersion* staged);
  Result<uint64_t> StageAndCommit(UpdateValues values);
  void Discard();
  static Result<std::vector<uint64_t>> CommitAll(
      std::span<const std::pair<Store*, StagedVersion*>> commits);

  // All below: staging_ is held.
  Result<StagedVersion> StageLocked(UpdateValues values);
  Status CheckUpdate(UpdateValues* values, const Version& base);
  // Whether a program that is attached depends on the weight.
  bool IsUsed(const std::string& name) const;
  Result<Tensor> ValueOf(const Version& version, const std::string& name);
  static bool CanReadBack(const Version& version, const std::string& name);
  Result<Tensor> ReadBack(const Version& version, const std::string& name);
  Result<std::shared_ptr<Version>> StageVersion(const UpdateValues& values, const Version& base);
  Status StageHost(const UpdateValues& values, const Version& base, Version* next);
  bool NeedsHostCopy(const std::string& name) const;
  uint64_t CostOf(const UpdateValues& values) const;
  // What an update of all weights takes: the measure of memory_limit.
  uint64_t CostOfAll() const;
  Status MakeRoom(uint64_t bytes);
  Status NoRoom(uint64_t bytes, uint64_t limit) const;
  void WarnOfStaleStatistics(const UpdateValues& values);
  Result<std::shared_ptr<Version>> Completed(const Version& version);
  std::shared_ptr<Version> WithoutProgram(const Version& version, size_t program);

  // current_mutex_ is held.
  Status CanCommit(const StagedVersion& staged) const;
  uint64_t CommitLocked(const StagedVersion& staged, Dropped* dropped);
  void TrimKept(size_t count, Dropped* dropped);
  void Replace(const std::shared_ptr<const Version>& old, std::shared_ptr<Version> fresh);

  std::shared_ptr<Version> NewVersion(Version value) const;
  bool DropOldestKept();
  uint64_t LimitFor(const Version& current) const;
  Status CountRejection(const std::vector<Problem>& problems);
  Status Reject(Reason reason, Status status);

  const uint64_t number_;
  const Declared declared_;
  InitialReader initial_;
  Evaluator& evaluator_;
  Reaper& reaper_;
  const StoreOptions options_;
  const std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();

  std::atomic<uint64_t> whole_bytes_{0};  // CostOfAll of the programs that are attached

  mutable std::mutex staging_;                              // one stager at a time
  std::vector<std::shared_ptr<AttachedProgram>> attached_;  // null: detached
  std::vector<Normalisation> normalisations_;

  mutable std::mutex current_mutex_;  // guards what follows, held for a few pointer copies
  std::shared_ptr<const Version> current_;
  std::vector<std::shared_ptr<const Version>> kept_;  // by when they were last current
  std::vector<Live> live_;                            // every version that was current
  uint64_t newest_ = 1;
  bool unloaded_ = false;
  uint64_t staged_ = 0;
  uint64_t commits_ = 0;
  uint64_t rollbacks_ = 0;
  std::map<std::string, uint64_t> rejected_;
};

// The current versions of several models at one moment: commits of several are seen whole.
std::vector<std::shared_ptr<const Version>> PinTogether(std::span<Store* const> stores);

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_STORE_H_
