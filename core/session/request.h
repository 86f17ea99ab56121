// Request: one call of a session from its submission to its answer.
//
// Threads: the parts say who may touch them. Whoever takes a request out of the queue completes it,
// and nobody else.
#ifndef MIDSTREAM_CORE_SESSION_REQUEST_H_
#define MIDSTREAM_CORE_SESSION_REQUEST_H_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "core/session/response.h"
#include "core/weights/version.h"

namespace midstream::session {

class Scheduler;
struct BatchGroup;

constexpr uint64_t kNever = UINT64_MAX;

// Nanoseconds of the steady clock, the scale of all times here.
uint64_t Now();
// now + duration, kNever where that passes the end of time.
uint64_t After(uint64_t now, std::chrono::nanoseconds duration);

class Request : public std::enable_shared_from_this<Request> {
 public:
  // Set before the submission; constant until the request is completed.
  int32_t priority = 0;
  uint64_t caller = 0;
  uint64_t submitted_ns = 0;
  uint64_t deadline_ns = kNever;
  uint64_t bytes = 0;  // of the inputs
  int64_t rows = 1;    // axis 0 of the inputs
  // Equal for requests that may share a batch; empty: never in one.
  std::vector<int64_t> batch_key;
  std::shared_ptr<const weights::Version> version;
  std::vector<Tensor> inputs;  // of the program, complete
  std::shared_ptr<const std::vector<TensorSpec>> output_specs;
  std::weak_ptr<Scheduler> scheduler;

  // The queue's own, under its owner's lock.
  enum class Place : uint8_t { kOutside, kReady, kBehindCaller };
  Place place = Place::kOutside;
  bool holds_caller = false;
  uint64_t sequence = 0;
  BatchGroup* group = nullptr;

  // The answer. Written by whoever completes the request; read by anyone once it is done. Tensors
  // that are there before may be written in place.
  Status status;
  std::vector<Tensor> outputs;
  uint64_t answered_by = 0;  // version

  bool done() const { return done_.load(std::memory_order_acquire); }
  // Lets go of inputs and version, wakes who waits, and calls back.
  void Complete();
  // Whether it is done, after waiting until `until_ns`. Past its deadline the request is taken out
  // of the queue by whoever waits here.
  bool WaitUntil(uint64_t until_ns);
  // False: done already, the callback is dropped.
  bool CallLater(Response::Callback* callback);

 private:
  bool SleepUntil(uint64_t until_ns);

  std::atomic<bool> done_{false};
  std::mutex mutex_;  // guards what follows, and done_ becoming true
  std::condition_variable completed_;
  uint32_t sleepers_ = 0;
  std::vector<Response::Callback> callbacks_;
};

}  // namespace midstream::session

#endif  // MIDSTREAM_CORE_SESSION_REQUEST_H_
