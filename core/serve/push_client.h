// PushClient: a trainer's end of a connection to an engine that takes weights (docs/sources.md).
//
// Threads: one at a time. Calls wait for the engine, at most as long as they are told.
#ifndef MIDSTREAM_CORE_SERVE_PUSH_CLIENT_H_
#define MIDSTREAM_CORE_SERVE_PUSH_CLIENT_H_

#include <chrono>
#include <string>

#include "core/base/status.h"
#include "core/serve/descriptor.h"
#include "core/serve/push_message.h"

namespace midstream::serve {

class PushClient {
 public:
  // Tries for as long as `wait` until somebody listens at `path`. Errors: NOT_FOUND when there is no
  // socket, UNAVAILABLE when nobody listens on it, PERMISSION_DENIED, INVALID_ARGUMENT.
  static Result<PushClient> Connect(const std::string& path, std::chrono::milliseconds wait);

  // Sends a request, with the descriptor `fd` unless it is less than 0, and waits for the answer. Errors:
  // what the engine says; UNAVAILABLE when it closes the connection; DEADLINE_EXCEEDED, after which
  // the client is of no more use.
  Result<AppliedWeights> Ask(const PushRequest& request, int fd,
                             std::chrono::milliseconds wait = std::chrono::minutes(10));

 private:
  using Clock = std::chrono::steady_clock;

  PushClient(std::string path, Descriptor socket)
      : path_(std::move(path)), socket_(std::move(socket)) {}

  Status Wait(short event, Clock::time_point until) const;
  Status Send(const std::string& message, int fd, Clock::time_point until) const;
  Status Receive(std::string* to, size_t size, Clock::time_point until) const;

  std::string path_;
  Descriptor socket_;
};

}  // namespace midstream::serve

#endif  // MIDSTREAM_CORE_SERVE_PUSH_CLIENT_H_
