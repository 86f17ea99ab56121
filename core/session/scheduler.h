// Scheduler: which request of a session executes when, and on which thread.
//
// As many requests (or batches) execute at once as there are lanes. Workers, one for each lane at
// most, take them off the queue; they start with the first submission that needs them and spin for
// a short time before they sleep. A synchronous run that finds nothing queued and a lane idle
// enters that lane on its own thread.
//
//   queue -> worker: pin a version, execute -> give the lane back -> complete, call back -> the
//   caller's next request becomes ready
//
// Ending: Drain refuses new requests and waits for what is there; Shutdown cancels what is queued,
// waits for what executes and calls back, ends the workers and lets go of the runner. Both may be
// called at any time; Shutdown also inside a callback, whose thread it does not wait for.
//
// Threads: any. One lock guards everything but the execution itself; callbacks run without it.
#ifndef MIDSTREAM_CORE_SESSION_SCHEDULER_H_
#define MIDSTREAM_CORE_SESSION_SCHEDULER_H_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/histogram.h"
#include "core/session/queue.h"
#include "core/session/runner.h"
#include "core/session/stats.h"

namespace midstream::session {

class Scheduler : public std::enable_shared_from_this<Scheduler> {
 public:
  Scheduler(std::unique_ptr<Runner> runner, size_t lanes, QueueLimits limits, BatchLimits batching);
  // Requires: Shutdown has returned.
  ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Requires: between Enter and Leave, or before Shutdown.
  const Runner& runner() const { return *runner_; }

  // Makes the first lane ready, so that what is wrong with it is known. Errors: those of backends.
  Status Prepare() { return runner_->Prepare(*idle_.back()); }

  // A lane for a run on the calling thread, to be left again; null when it has to queue. A thread
  // that executes a callback waits for a lane instead: it might be the one to serve the queue.
  // Errors: UNAVAILABLE while the session drains, FAILED_PRECONDITION when it is closed or `pinned`
  // has no weights for it.
  Result<Lane*> Enter(const weights::Version* pinned);
  void Leave(Lane* lane, bool ok, uint64_t begin_ns, uint64_t end_ns);

  // Errors: those of Enter; RESOURCE_EXHAUSTED when the queue is full.
  Status Submit(const std::shared_ptr<Request>& request);
  // Whether it was still queued; it is done then.
  bool Cancel(Request& request);
  bool Expire(Request& request);

  // Errors: DEADLINE_EXCEEDED, and the session goes on draining; FAILED_PRECONDITION when it is
  // closed, or inside a callback.
  Status Drain(uint64_t until_ns);
  void Shutdown();

  SessionStats stats() const;
  Activity& activity() const { return *activity_; }
  // Whether this thread executes a callback of a request.
  bool IsInCallback() const { return CompletionsOfThisThread() > 0; }

 private:
  using Lock = std::unique_lock<std::mutex>;
  enum class Phase : uint8_t { kOpen, kDraining, kClosed };
  class Inside;

  Status Admit(const weights::Version* pinned) const;
  // Removes the request again when there is no thread to execute it.
  Status StartWorkerIfNeeded(Request& request);
  // Whether a worker must be woken for what has just changed.
  bool Signal();
  void Work();
  Lane* Next(Lock& lock, Requests* taken);
  void Wait(Lock& lock, uint64_t until_ns);
  void Execute(Lane& lane, const Requests& requests);
  // Counts an execution that ends now.
  void Record(std::span<const std::shared_ptr<Request>> requests, uint64_t begin_ns);
  // Completes a request that was taken off the queue without executing it.
  void Finish(Lock& lock, std::shared_ptr<Request> request, Status status);
  // Whether nothing is queued or executes, and nobody but this thread completes a request.
  bool IsQuiet() const;
  size_t CompletionsOfThisThread() const;

  const size_t max_batch_requests_;
  std::unique_ptr<Runner> runner_;  // null after Shutdown
  const std::shared_ptr<Activity> activity_;
  std::vector<Lane> lanes_;

  mutable std::mutex mutex_;
  std::condition_variable work_;     // workers sleep here
  std::condition_variable quiet_;    // who ends the session, and callbacks that need a lane
  std::atomic<uint32_t> signal_{0};  // changes when there may be work; written under the lock
  Phase phase_ = Phase::kOpen;
  RequestQueue queue_;
  std::vector<Lane*> idle_;
  std::vector<std::thread> workers_;
  size_t spinning_ = 0;
  size_t sleeping_ = 0;
  size_t waiting_ = 0;    // on quiet_
  size_t entered_ = 0;    // runs on their callers' threads
  size_t executing_ = 0;  // requests on workers
  size_t completing_ =
      0;                 // threads from taking a request off the queue to the end of its callbacks
  SessionStats counts_;  // without the histograms

  Histogram direct_ns_;  // runs on their callers' threads: they have no queue wait
  Histogram queue_wait_ns_;
  Histogram execution_ns_;
  Histogram latency_ns_;
  Histogram batch_rows_;
};

}  // namespace midstream::session

#endif  // MIDSTREAM_CORE_SESSION_SCHEDULER_H_
