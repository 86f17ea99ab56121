// A command queue with a timeline: a submission is the commands since the one before, and the end of
// its last command stands for its signal value.
//
// Work is submitted by one thread at a time; fences are asked from any thread. A fence that nobody
// waits for costs no callback: the event's state is read when it is asked for. Every command has an
// event, for an error is told by that of the command that failed and by no other; the first error of
// the queue's work stays on its fence and on all later ones.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_QUEUE_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_QUEUE_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/device.h"
#include "runtime/recorder.h"

namespace midstream::opencl {

class Queue {
 public:
  explicit Queue(Device* device);
  // Waits for the queue's work. When that takes longer than Device::timeout(), it is left to itself:
  // OpenCL keeps the buffers that it uses. Only for work that touches the host's memory there is no
  // end to the wait.
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  Device* device() const { return device_; }
  cl_command_queue raw() const { return raw_.get(); }

  // From now on work is timed, or not. Waits for the queue's work.
  void Profile(bool on);
  // null: work is not timed.
  Recorder* recorder() const { return recorder_.get(); }

  // Where OpenCL is to write the event of the command that is enqueued next.
  cl_event* NextEvent();
  // The event of the command that was enqueued last. Requires: one, since the last submission.
  const Event& LastEvent() const { return open_.back(); }
  // That command reads or writes the host's memory.
  void LastTouchesHost() { open_host_ = open_.size(); }

  // The commands since the last submission are the submission `value`. Starts them.
  void Submit(uint64_t value);

  // Throws Error(MS_DEADLINE_EXCEEDED) when the queue's work does not end within Device::timeout().
  void WaitUntilIdle();
  // The queue's work does not end, so that its closing waits no more.
  void GiveUp() { given_up_ = true; }

  // What enqueued work must wait for: nothing (empty) when the value is reached. Throws Error for a
  // value that was never submitted, and for failed work.
  Event Pending(uint64_t value);

  // Codes as fence_query and fence_wait give them.
  ms_code Query(uint64_t value, ms_error* error);
  ms_code Wait(uint64_t value, std::chrono::nanoseconds timeout, ms_error* error);

 private:
  struct Submission {
    uint64_t number;  // 1 for the first
    uint64_t value;
    std::vector<Event> events;  // of all its commands; at least one
    size_t host;                // so many of them up to the last that touches the host's memory
    bool watched;               // a callback will come
  };
  struct Completion {
    uint64_t number;
    uint64_t value;
    cl_int status;
  };
  // Outlives the queue while callbacks are under way. A callback may come with locks of the driver
  // held, so it takes only news_mutex, and nothing calls OpenCL with that one held.
  struct Timeline {
    std::mutex mutex;
    std::deque<Submission> pending;  // in order of submission
    uint64_t submissions = 0;
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
    void Note(uint64_t value, cl_int status);
    bool Done(uint64_t value) const { return reached >= value || failed_from <= value; }
    ms_code Answer(uint64_t value, ms_error* error) const;
  };
  struct Watcher {
    std::shared_ptr<Timeline> timeline;
    uint64_t number, value;  // of the submission
  };
  static void Watch(const std::shared_ptr<Timeline>& timeline, uint64_t value);
  // Whether ready(), which is asked with the timeline's mutex held, comes true in time; looks again
  // when the submission `value` or the one after it has ended.
  template <typename Ready>
  bool WaitFor(uint64_t value, std::chrono::nanoseconds timeout, Ready ready);
  bool EndsInTime();
  static void CL_CALLBACK OnComplete(cl_event event, cl_int status, void* user);

  Device* device_;
  CommandQueue raw_;
  std::unique_ptr<Recorder> recorder_;
  std::vector<Event> open_;  // of the commands since the last submission; the last may be empty
  size_t open_host_ = 0;     // as Submission::host
  bool given_up_ = false;
  std::shared_ptr<Timeline> timeline_ = std::make_shared<Timeline>();
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_QUEUE_H_
