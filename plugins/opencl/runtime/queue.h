// A command queue with a timeline: each submission ends in an event that stands for its signal
// value.
//
// Work is submitted by one thread at a time; fences are asked from any thread. A fence that nobody
// waits for costs no callback: the event's state is read when it is asked for. The first error of
// the queue's work stays on its fence and on all later ones.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_QUEUE_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_QUEUE_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "runtime/device.h"
#include "runtime/recorder.h"

namespace midstream::opencl {

class Queue {
 public:
  explicit Queue(Device* device);
  // Waits for the queue's work.
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  Device* device() const { return device_; }
  cl_command_queue raw() const { return raw_.get(); }

  // From now on work is timed, or not. Waits for the queue's work.
  void Profile(bool on);
  // null: work is not timed.
  Recorder* recorder() const { return recorder_.get(); }

  // All work enqueued so far is the submission `value`; `last` is the event of its last command, or
  // empty when there was none. Starts the work.
  void Submit(uint64_t value, Event last);

  // What enqueued work must wait for: nothing (empty) when the value is reached. Throws Error for a
  // value that was never submitted, and for failed work.
  Event Pending(uint64_t value);

  // Codes as fence_query and fence_wait give them.
  ms_code Query(uint64_t value, ms_error* error);
  ms_code Wait(uint64_t value, std::chrono::nanoseconds timeout, ms_error* error);

 private:
  struct Submission {
    uint64_t value;
    Event event;
    bool watched;  // a callback will come
  };
  struct Completion {
    uint64_t value;
    cl_int status;
  };
  // Outlives the queue while callbacks are under way. A callback may come with locks of the driver
  // held, so it takes only news_mutex, and nothing calls OpenCL with that one held.
  struct Timeline {
    std::mutex mutex;
    std::deque<Submission> pending;  // in order of submission
    uint64_t reached = 0;
    uint64_t failed_from = UINT64_MAX;
    cl_int failure = CL_SUCCESS;

    std::mutex news_mutex;
    std::condition_variable changed;
    std::vector<Completion> completions;  // not yet taken by Settle
    uint64_t news = 0;                    // grows with each completion and each submission

    void Tell(const Completion* completion);
    uint64_t News();
    // These require `mutex`.
    void Settle();
    void Finish(Completion completion);
    bool Done(uint64_t value) const { return reached >= value || failed_from <= value; }
    ms_code Answer(uint64_t value, ms_error* error) const;
  };
  struct Watcher {
    std::shared_ptr<Timeline> timeline;
    uint64_t value;
  };
  static void Watch(const std::shared_ptr<Timeline>& timeline, uint64_t value);
  static void CL_CALLBACK OnComplete(cl_event event, cl_int status, void* user);

  Device* device_;
  CommandQueue raw_;
  std::unique_ptr<Recorder> recorder_;
  std::shared_ptr<Timeline> timeline_ = std::make_shared<Timeline>();
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_QUEUE_H_
