// PushListener: takes weights that trainers push over a Unix socket (docs/sources.md).
//
// One thread serves all connections. It never waits for one of them; updates are made on it, one after
// the other. A request has `limit` to come in and its answer to go out; connections between requests
// may stay as long as they like, and when there are more than `connections` the one that was idle for
// longest makes room.
//
// Threads: the target and `report` are called on the listener's thread, one call at a time. Stop and
// the destructor may be called on it too.
#ifndef MIDSTREAM_CORE_SERVE_PUSH_LISTENER_H_
#define MIDSTREAM_CORE_SERVE_PUSH_LISTENER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/base/status.h"
#include "core/serve/push_message.h"
#include "core/sources/source_event.h"

namespace midstream::serve {

// The model that the weights are for.
struct PushTarget {
  // Makes the file that lies at `path` the current version, or changes nothing. `path` is valid during
  // the call; messages name request.name.
  std::function<Result<AppliedWeights>(const std::string& path, const PushRequest& request)> apply;
  std::function<Status(uint64_t version)> rollback;
  std::function<uint64_t()> version;
};

struct PushLimits {
  std::chrono::milliseconds limit{10'000};
  size_t connections = 64;
};

class PushListener {
 public:
  // Errors: those of SocketFile::Listen.
  static Result<std::unique_ptr<PushListener>> Start(const std::string& path, PushTarget target,
                                                     SourceCallback report, PushLimits limits = {});
  ~PushListener();
  PushListener(const PushListener&) = delete;
  PushListener& operator=(const PushListener&) = delete;

  // Returns when nothing is applied or reported any more and the socket file is gone, unless it is
  // called on the listener's thread. A request that is being served is finished.
  void Stop();

 private:
  class Worker;
  explicit PushListener(std::shared_ptr<Worker> worker);

  std::shared_ptr<Worker> worker_;  // the thread holds it too
  std::thread thread_;
};

}  // namespace midstream::serve

#endif  // MIDSTREAM_CORE_SERVE_PUSH_LISTENER_H_
