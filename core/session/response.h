// Response: the answer to a request that may still be under way, and what may be asked of a request.
//
//   auto response = session.Submit(inputs, {.timeout = 5ms});
//   auto result = response->Get();                      // waits
//   auto result = co_await *response;                   // or does not, in a coroutine
//   response->OnReady([](const Response& r) { ... });   // or calls back
//
// A request is done exactly once: with its outputs, with the error of its execution, CANCELLED,
// or DEADLINE_EXCEEDED. It then holds its inputs and its weight version no longer.
//
// Threads: every method, any thread. Copies refer to the same request. A response does not keep its
// session alive: when that goes, requests that wait are cancelled.
#ifndef MIDSTREAM_CORE_SESSION_RESPONSE_H_
#define MIDSTREAM_CORE_SESSION_RESPONSE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/base/export.h"
#include "core/base/status.h"
#include "core/graph/named_tensor.h"
#include "core/weights/version_pin.h"

namespace midstream {

namespace session {
class Request;
class Session;
}  // namespace session

struct RequestOptions {
  // Larger ones first; equal ones in the order of their submission.
  int32_t priority = 0;
  // From the submission to the start of the execution. A request that has not begun by then never
  // does: DEADLINE_EXCEEDED. One that has begun runs to its end.
  std::optional<std::chrono::nanoseconds> timeout = {};
  // Requests of one caller execute and complete in the order of their submission, one at a time,
  // whatever their priorities. 0: no caller.
  uint64_t caller = 0;
  // Weights to run with; of a pin that holds none: those that are current when the execution begins.
  VersionPin version = {};
};

class MS_API Response {
 public:
  // Of no request: all it allows is assignment.
  Response() = default;

  bool Ready() const;
  // Whether it is ready, after waiting for at most `timeout`.
  bool Wait(std::chrono::nanoseconds timeout) const;
  // Waits. The tensors share their bytes with every other copy of the result.
  Result<RunResult> Get() const;

  // True: the request waited and is done now, with CANCELLED. False: it came too late, the request
  // executes or is done.
  bool Cancel() const;

  // Calls back once when the request is done: on the thread that completes it, which is a worker
  // of the session, or whoever cancels the request or waits past its deadline; on this thread if it
  // is done already. The callback may submit, run and drop the session. It must not throw, and not
  // wait for other requests: the worker has nothing else to execute them on.
  using Callback = std::function<void(const Response&)>;
  void OnReady(Callback callback) const;

  // co_await gives what Get gives. The coroutine goes on where a callback would be called.
  bool await_ready() const { return Ready(); }
  template <typename Handle>
  bool await_suspend(Handle coroutine) const {
    return CallLater([coroutine](const Response&) mutable { coroutine.resume(); });
  }
  Result<RunResult> await_resume() const { return Get(); }

 private:
  friend class session::Request;
  friend class session::Session;
  explicit Response(std::shared_ptr<session::Request> request) : request_(std::move(request)) {}
  // False: done already, the callback is dropped.
  bool CallLater(Callback callback) const;

  std::shared_ptr<session::Request> request_;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_SESSION_RESPONSE_H_
