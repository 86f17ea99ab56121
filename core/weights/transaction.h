// Transaction: one update of a model's weights on its way to a version.
//
//   put      a value is checked against its declaration; every problem is collected
//   stage    recipes that the new values reach are run, and the values are packed on every backend,
//            beside running requests
//   seal     the new sets are complete and never change again
//   commit   one pointer swap
//
// All or nothing: with one bad tensor nothing is staged and the current version stays.
//
// Threads: one at a time. The store must outlive the transaction.
#ifndef MIDSTREAM_CORE_WEIGHTS_TRANSACTION_H_
#define MIDSTREAM_CORE_WEIGHTS_TRANSACTION_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/weights/update_values.h"

namespace midstream::weights {

class Store;

// A version that is complete and waits for its commit.
struct StagedVersion {
  std::shared_ptr<Version> next;
  std::weak_ptr<const Version> base;  // must still be current
  uint64_t base_id = 0;
};

class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  // Names with or without ":0". A problem does not stop the transaction; Stage and Commit report
  // all. The bytes of a Put value are borrowed until Stage or Commit returns; those of an adopted
  // one are used where they lie where nothing has to be packed, and shared until no version needs
  // them: they must never change.
  void Put(std::string_view name, Tensor value);
  void Adopt(std::string_view name, Tensor value);
  // `read` gives the value when it is wanted; it may be asked more than once.
  void PutReader(std::string_view name, std::function<Result<Tensor>()> read);
  // Rows from row `begin` of axis 0 on; the others keep their value, that of a Put included.
  void PutRows(std::string_view name, int64_t begin, Tensor rows);

  // Validates, stages and seals; what is left for Commit does not depend on the size. Errors: one
  // that lists every bad tensor; ABORTED for a stale base; RESOURCE_EXHAUSTED when the memory limit
  // does not allow it; those of a backend. After an error the transaction is empty.
  Status Stage();
  bool staged() const { return staged_ != nullptr; }
  // Stages if that has not been done, and makes the version current. Returns its number. Errors:
  // as Stage; ABORTED when the model has got another version since Stage; FAILED_PRECONDITION when
  // there is nothing to commit. The transaction is empty afterwards.
  Result<uint64_t> Commit();
  // Forgets everything.
  void Abort();

 private:
  friend class Store;
  friend Result<std::vector<uint64_t>> CommitTogether(std::span<Transaction* const> transactions);
  Transaction(Store* store, UpdateOptions options);
  Status CheckNothingFollowed();

  Store* store_;
  UpdateOptions options_;
  UpdateValues values_;
  std::unique_ptr<StagedVersion> staged_;
};

// Makes the versions of several models current at one moment: whoever pins those models together
// (PinTogether) gets all of them or none. Stages what is not staged. Errors: those of Stage and
// Commit of any; INVALID_ARGUMENT when two are of one model; in every case nothing has changed, and
// all are empty afterwards.
Result<std::vector<uint64_t>> CommitTogether(std::span<Transaction* const> transactions);

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_TRANSACTION_H_
