#include "core/weights/transaction.h"

#include <algorithm>
#include <utility>

#include "core/weights/store.h"

namespace midstream::weights {

Transaction::Transaction(Store* store, UpdateOptions options)
    : store_(store), options_(std::move(options)), values_(&store->declared(), options_) {}

Transaction::Transaction(Transaction&& other) noexcept = default;

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  if (this == &other) return *this;
  Abort();
  store_ = other.store_;
  options_ = std::move(other.options_);
  values_ = std::move(other.values_);
  staged_ = std::move(other.staged_);
  return *this;
}

Transaction::~Transaction() {
  if (staged_ != nullptr) store_->Discard();
}

void Transaction::Put(std::string_view name, Tensor value) {
  values_.Add(name, std::move(value), false);
}

void Transaction::Adopt(std::string_view name, Tensor value) {
  values_.Add(name, std::move(value), true);
}

void Transaction::PutReader(std::string_view name, std::function<Result<Tensor>()> read) {
  values_.AddReader(name, std::move(read));
}

void Transaction::PutRows(std::string_view name, int64_t begin, Tensor rows) {
  values_.AddRows(name, begin, std::move(rows));
}

Status Transaction::Stage() {
  if (staged_ != nullptr) {
    return FailedPrecondition("the update is staged already; commit or abort it");
  }
  UpdateValues values = std::exchange(values_, UpdateValues(&store_->declared(), options_));
  MS_ASSIGN_OR_RETURN(StagedVersion staged, store_->Stage(std::move(values)));
  staged_ = std::make_unique<StagedVersion>(std::move(staged));
  return OkStatus();
}

Result<uint64_t> Transaction::Commit() {
  if (staged_ != nullptr) {
    MS_RETURN_IF_ERROR(CheckNothingFollowed());
    auto staged = std::exchange(staged_, nullptr);
    return store_->Commit(staged.get());
  }
  UpdateValues values = std::exchange(values_, UpdateValues(&store_->declared(), options_));
  return store_->StageAndCommit(std::move(values));
}

// What came after Stage would be lost, or kept beyond the commit that ends its borrowing.
Status Transaction::CheckNothingFollowed() {
  if (values_.empty()) return OkStatus();
  Abort();
  return FailedPrecondition(
      "values were assigned after the update was staged; nothing was changed");
}

void Transaction::Abort() {
  if (staged_ != nullptr) {
    store_->Discard();
    staged_.reset();
  }
  values_ = UpdateValues(&store_->declared(), options_);
}

Result<std::vector<uint64_t>> CommitTogether(std::span<Transaction* const> transactions) {
  Status failed = OkStatus();
  for (size_t i = 0; i < transactions.size() && failed.ok(); ++i) {
    for (size_t k = 0; k < i && failed.ok(); ++k) {
      if (transactions[i]->store_ == transactions[k]->store_) {
        failed = InvalidArgument("two updates of one model cannot be committed together");
      }
    }
    if (!failed.ok()) break;
    failed = transactions[i]->staged() ? transactions[i]->CheckNothingFollowed()
                                       : transactions[i]->Stage();
  }
  if (!failed.ok()) {
    for (Transaction* transaction : transactions) transaction->Abort();
    return failed;
  }
  std::vector<std::pair<Store*, StagedVersion*>> commits;
  for (Transaction* transaction : transactions) {
    commits.emplace_back(transaction->store_, transaction->staged_.get());
  }
  auto versions = Store::CommitAll(commits);
  for (Transaction* transaction : transactions) transaction->staged_.reset();
  return versions;
}

}  // namespace midstream::weights
