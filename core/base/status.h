// Status and Result<T>: how every function of the core reports failure.
//
// A Status is OK (one null pointer) or a code with one message meant for a person: it names the
// file, key, tensor, node or line at fault and what was expected. The codes are the canonical ones
// of sdk/include/midstream/backend.h, so a Status crosses the C ABI without translation. Nothing in
// the core throws; nothing prints.
//
// Threads: immutable once made; copies share the message.
#ifndef MIDSTREAM_CORE_BASE_STATUS_H_
#define MIDSTREAM_CORE_BASE_STATUS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/export.h"

namespace midstream {

// The gRPC/absl canonical codes; values are fixed by the C ABI.
enum class Code : int32_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "INVALID_ARGUMENT" and so on; "UNKNOWN" for a value outside the list.
MS_API std::string_view CodeName(Code code);

class [[nodiscard]] MS_API Status {
 public:
  Status() = default;
  Status(Code code, std::string message);

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  std::string_view message() const { return rep_ ? std::string_view(rep_->message) : ""; }
  // "CODE: message", or "OK".
  std::string ToString() const;

  // The same code with "context: " before the message; OK stays OK. Add context once per layer.
  Status WithContext(std::string_view context) const;

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

inline Status OkStatus() { return {}; }
MS_API Status InvalidArgument(std::string message);
MS_API Status NotFound(std::string message);
MS_API Status FailedPrecondition(std::string message);
MS_API Status OutOfRange(std::string message);
MS_API Status Unimplemented(std::string message);
MS_API Status Internal(std::string message);
MS_API Status DataLoss(std::string message);
MS_API Status ResourceExhausted(std::string message);
MS_API Status DeadlineExceeded(std::string message);

// A value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit, so `return value;` works
  Result(Status status)
      : status_(std::move(status)) {  // NOLINT: implicit, so `return NotFound(..);` works
    if (status_.ok()) status_ = Status(Code::kInternal, "a Result was made from an OK Status");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  // Requires: ok().
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

#define MS_CONCAT_INNER(a, b) a##b
#define MS_CONCAT(a, b) MS_CONCAT_INNER(a, b)

#define MS_RETURN_IF_ERROR(expr)             \
  do {                                       \
    ::midstream::Status ms_status_ = (expr); \
    if (!ms_status_.ok()) return ms_status_; \
  } while (false)

#define MS_ASSIGN_OR_RETURN(lhs, expr) \
  MS_ASSIGN_OR_RETURN_IMPL(MS_CONCAT(ms_result_, __LINE__), lhs, expr)
#define MS_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                             \
  if (!result.ok()) return result.status();         \
  lhs = *std::move(result)

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_STATUS_H_
