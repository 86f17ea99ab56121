#include "core/session/scheduler.h"

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "core/base/spin.h"
#include "core/base/trace.h"

namespace midstream::session {
namespace {

constexpr size_t kMostInOneBatch = 4096;

std::chrono::steady_clock::time_point TimePoint(uint64_t ns) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns));
}

// What is done under the scheduler's lock is short, and going to sleep for it is not.
void LockSoon(std::unique_lock<std::mutex>& lock) {
  for (int i = 0; i < kPausesPerClockRead; ++i) {
    if (lock.try_lock()) return;
    Pause();
  }
  lock.lock();
}

}  // namespace

// Marks the thread as one that completes a request of a scheduler.
class Scheduler::Inside {
 public:
  explicit Inside(const Scheduler* scheduler) : scheduler_(scheduler), outer_(top) { top = this; }
  ~Inside() { top = outer_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  static size_t Count(const Scheduler* scheduler) {
    size_t count = 0;
    for (const Inside* at = top; at != nullptr; at = at->outer_) {
      if (at->scheduler_ == scheduler) ++count;
    }
    return count;
  }

 private:
  static thread_local const Inside* top;
  const Scheduler* scheduler_;
  const Inside* outer_;
};
thread_local const Scheduler::Inside* Scheduler::Inside::top = nullptr;

Scheduler::Scheduler(std::unique_ptr<Runner> runner, size_t lanes, QueueLimits limits,
                     BatchLimits batching)
    : max_batch_requests_(
          std::clamp<size_t>(static_cast<size_t>(batching.max_rows), 1, kMostInOneBatch)),
      runner_(std::move(runner)),
      activity_(runner_->activity()),
      lanes_(std::max<size_t>(lanes, 1)),
      queue_(limits, batching) {
  idle_.reserve(lanes_.size());
  for (Lane& lane : lanes_) {
    lane.number = idle_.size();
    idle_.push_back(&lane);
  }
}

// ---- Runs on the calling thread

Status Scheduler::Admit(const weights::Version* pinned) const {
  if (phase_ == Phase::kClosed) return FailedPrecondition("the session is closed");
  if (phase_ == Phase::kDraining) {
    return {Code::kUnavailable, "the session is draining and takes no more requests"};
  }
  return pinned == nullptr ? OkStatus() : runner_->Check(*pinned);
}

Result<Lane*> Scheduler::Enter(const weights::Version* pinned) {
  Lock lock(mutex_, std::defer_lock);
  LockSoon(lock);
  MS_RETURN_IF_ERROR(Admit(pinned));
  if (idle_.empty() || !queue_.empty()) {
    if (CompletionsOfThisThread() == 0) return nullptr;
    ++waiting_;
    quiet_.wait(lock, [&] { return !idle_.empty(); });
    --waiting_;
  }
  Lane* lane = idle_.back();
  idle_.pop_back();
  ++entered_;
  return lane;
}

void Scheduler::Leave(Lane* lane, bool ok, uint64_t begin_ns, uint64_t end_ns) {
  direct_ns_.Record(end_ns - begin_ns);
  bool wake = false;
  bool quiet = false;
  {
    Lock lock(mutex_, std::defer_lock);
    LockSoon(lock);
    idle_.push_back(lane);
    --entered_;
    ++counts_.submitted;
    ++(ok ? counts_.completed : counts_.failed);
    wake = !queue_.empty() && Signal();
    quiet = waiting_ > 0;
  }
  if (wake) work_.notify_one();
  if (quiet) quiet_.notify_all();
}

// ---- The queue

bool Scheduler::Signal() {
  signal_.fetch_add(1, std::memory_order_release);
  return sleeping_ > 0 && queue_.size() > spinning_;
}

Status Scheduler::StartWorkerIfNeeded(Request& request) {
  if (spinning_ + sleeping_ >= queue_.size() || workers_.size() == lanes_.size()) {
    return OkStatus();
  }
  try {
    workers_.emplace_back([self = shared_from_this()] { self->Work(); });
  } catch (const std::exception& exception) {
    if (workers_.empty()) {
      queue_.Take(request);
      queue_.Release(request);
      return ResourceExhausted("no thread can be started to execute requests: " +
                               std::string(exception.what()));
    }  // else those that there are do the work
  }
  return OkStatus();
}

Status Scheduler::Submit(const std::shared_ptr<Request>& request) {
  bool wake = false;
  {
    Lock lock(mutex_, std::defer_lock);
    LockSoon(lock);
    MS_RETURN_IF_ERROR(Admit(request->version.get()));
    Status pushed = queue_.Push(request);
    if (!pushed.ok()) {
      ++counts_.refused;
      return pushed;
    }
    MS_RETURN_IF_ERROR(StartWorkerIfNeeded(*request));
    ++counts_.submitted;
    wake = Signal();
  }
  if (wake) work_.notify_one();
  return OkStatus();
}

bool Scheduler::Cancel(Request& request) {
  Lock lock(mutex_);
  std::shared_ptr<Request> taken = queue_.Take(request);
  if (taken == nullptr) return false;
  ++counts_.cancelled;
  Finish(lock, std::move(taken), {Code::kCancelled, "the request was cancelled"});
  return true;
}

static Status Expired(const Request& request) {
  const uint64_t microseconds = (request.deadline_ns - request.submitted_ns) / 1000;
  return DeadlineExceeded("the request had not begun to execute when its timeout of " +
                          std::to_string(microseconds) + " us passed");
}

bool Scheduler::Expire(Request& request) {
  Lock lock(mutex_);
  std::shared_ptr<Request> taken = queue_.Take(request);
  if (taken == nullptr) return false;
  ++counts_.expired;
  Finish(lock, std::move(taken), Expired(request));
  return true;
}

void Scheduler::Finish(Lock& lock, std::shared_ptr<Request> request, Status status) {
  ++completing_;
  lock.unlock();
  {
    const Inside inside(this);
    request->status = std::move(status);
    request->Complete();
  }
  lock.lock();
  queue_.Release(*request);
  --completing_;
  if (!queue_.empty() && Signal()) work_.notify_one();
  if (waiting_ > 0) quiet_.notify_all();
}

// ---- Workers

void Scheduler::Work() {
  pthread_setname_np(pthread_self(), "ms-request");
  Requests requests;
  requests.reserve(max_batch_requests_);
  Lock lock(mutex_);
  while (Lane* lane = Next(lock, &requests)) {
    executing_ += requests.size();
    ++completing_;
    lock.unlock();
    const Inside inside(this);
    Execute(*lane, requests);

    LockSoon(lock);
    executing_ -= requests.size();
    for (const auto& request : requests) {
      ++(request->status.ok() ? counts_.completed : counts_.failed);
    }
    idle_.push_back(lane);
    const bool wake = !queue_.empty() && Signal();
    const bool quiet = waiting_ > 0;
    lock.unlock();
    if (wake) work_.notify_one();
    if (quiet) quiet_.notify_all();
    for (const auto& request : requests) request->Complete();

    LockSoon(lock);
    for (const auto& request : requests) queue_.Release(*request);
    --completing_;
    if (waiting_ > 0) quiet_.notify_all();
    lock.unlock();
    requests.clear();
    LockSoon(lock);
  }
}

Lane* Scheduler::Next(Lock& lock, Requests* taken) {
  while (phase_ != Phase::kClosed) {
    const uint64_t now = Now();
    if (auto expired = queue_.TakeExpired(now)) {
      ++counts_.expired;
      Status status = Expired(*expired);
      Finish(lock, std::move(expired), std::move(status));
      continue;
    }
    uint64_t due_ns = kNever;
    if (!idle_.empty()) {
      queue_.TakeDue(now, phase_ == Phase::kDraining, taken, &due_ns);
      if (!taken->empty()) {
        // One that wakes wakes the next, as long as there is work.
        if (!queue_.empty() && idle_.size() > 1 && Signal()) work_.notify_one();
        Lane* lane = idle_.back();
        idle_.pop_back();
        return lane;
      }
    }
    Wait(lock, std::min(due_ns, queue_.earliest_deadline()));
  }
  return nullptr;
}

void Scheduler::Wait(Lock& lock, uint64_t until_ns) {
  const uint32_t seen = signal_.load(std::memory_order_relaxed);
  const auto signalled = [&] { return signal_.load(std::memory_order_acquire) != seen; };
  {
    const SpinPermit permit;
    if (permit.granted()) {
      ++spinning_;
      lock.unlock();
      SpinUntil([&] { return signalled() || (until_ns != kNever && Now() >= until_ns); });
      LockSoon(lock);
      --spinning_;
    }
  }
  if (signalled()) return;
  ++sleeping_;
  if (until_ns == kNever) {
    work_.wait(lock);
  } else {
    work_.wait_until(lock, TimePoint(until_ns));
  }
  --sleeping_;
}

void Scheduler::Execute(Lane& lane, const Requests& requests) {
  uint64_t begin = Now();
  std::shared_ptr<const weights::Version> version = requests[0]->version;
  if (version == nullptr) version = runner_->Pin();
  for (const auto& request : requests) {
    queue_wait_ns_.Record(begin - request->submitted_ns);
    trace::Async("session", "queue", std::bit_cast<uintptr_t>(request.get()), request->submitted_ns,
                 begin, {{"version", static_cast<int64_t>(version->id)}, {"rows", request->rows}});
  }
  if (requests.size() > 1) {
    const trace::Span span("session", "batch",
                           {{"version", static_cast<int64_t>(version->id)},
                            {"requests", static_cast<int64_t>(requests.size())}});
    const Status status = runner_->RunBatch(lane, *version, requests);
    // A device that does not answer is not asked again for each of them.
    if (status.ok() || status.code() == Code::kDeadlineExceeded) {
      for (const auto& request : requests) {
        request->status = status;
        request->answered_by = version->id;
      }
      return Record(requests, begin);
    }
    // One of them is to blame, or they do not split: each has its own answer then.
  }
  for (const auto& request : requests) {
    begin = Now();
    request->status = runner_->Run(lane, version.get(), request->inputs, &request->outputs,
                                   &request->answered_by);
    Record(std::span(&request, 1), begin);
  }
}

void Scheduler::Record(std::span<const std::shared_ptr<Request>> requests, uint64_t begin_ns) {
  const uint64_t end = Now();
  int64_t rows = 0;
  for (const auto& request : requests) {
    rows += request->rows;
    execution_ns_.Record(end - begin_ns);
    latency_ns_.Record(end - request->submitted_ns);
  }
  batch_rows_.Record(static_cast<uint64_t>(rows));
}

// ---- Ending

size_t Scheduler::CompletionsOfThisThread() const { return Inside::Count(this); }

bool Scheduler::IsQuiet() const {
  return queue_.empty() && executing_ == 0 && entered_ == 0 &&
         completing_ <= CompletionsOfThisThread();
}

Status Scheduler::Drain(uint64_t until_ns) {
  Lock lock(mutex_);
  if (phase_ == Phase::kClosed) return FailedPrecondition("the session is closed");
  if (CompletionsOfThisThread() > 0) {
    return FailedPrecondition("a session cannot be drained by a callback of its requests");
  }
  phase_ = Phase::kDraining;
  Signal();
  work_.notify_all();  // batches wait no longer
  ++waiting_;
  if (until_ns == kNever) {
    quiet_.wait(lock, [&] { return IsQuiet(); });
  } else {
    quiet_.wait_until(lock, TimePoint(until_ns), [&] { return IsQuiet(); });
  }
  --waiting_;
  if (IsQuiet()) return OkStatus();
  return DeadlineExceeded("the session has not drained yet: " + std::to_string(queue_.size()) +
                          " requests wait and " + std::to_string(executing_ + entered_) +
                          " execute");
}

void Scheduler::Shutdown() {
  std::vector<std::thread> workers;
  {
    Lock lock(mutex_);
    phase_ = Phase::kClosed;
    while (auto request = queue_.TakeAny()) {
      ++counts_.cancelled;
      Finish(lock, std::move(request),
             {Code::kCancelled, "the session was closed before the request began to execute"});
    }
    Signal();
    work_.notify_all();
    ++waiting_;
    quiet_.wait(lock, [&] { return IsQuiet(); });
    --waiting_;
    workers.swap(workers_);
  }
  for (std::thread& worker : workers) {
    if (worker.get_id() == std::this_thread::get_id()) {
      worker.detach();  // it ends when the callback that it executes returns
    } else {
      worker.join();
    }
  }
  lanes_.clear();
  runner_.reset();
}

SessionStats Scheduler::stats() const {
  SessionStats stats;
  {
    Lock lock(mutex_);
    stats = counts_;
    stats.queued = queue_.size();
    stats.queued_bytes = queue_.bytes();
    stats.executing = executing_ + entered_;
  }
  const plan::ShapedPlan::Traffic traffic = activity_->traffic();
  stats.to_device_bytes = traffic.to_device_bytes;
  stats.from_device_bytes = traffic.from_device_bytes;
  stats.transfers = traffic.transfers;
  const Histogram::Snapshot direct = direct_ns_.TakeSnapshot();
  stats.queue_wait_ns = queue_wait_ns_.TakeSnapshot();
  Histogram::Snapshot none;
  none.count = direct.count;
  if (none.count > 0) none.buckets.push_back({0, 0, none.count});
  stats.queue_wait_ns.Merge(none);
  stats.execution_ns = execution_ns_.TakeSnapshot();
  stats.execution_ns.Merge(direct);
  stats.latency_ns = latency_ns_.TakeSnapshot();
  stats.latency_ns.Merge(direct);
  stats.batch_rows = batch_rows_.TakeSnapshot();
  return stats;
}

}  // namespace midstream::session
