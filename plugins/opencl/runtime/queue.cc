#include "runtime/queue.h"

#include <algorithm>

namespace midstream::opencl {
namespace {

cl_int StatusOf(const Event& event) {
  cl_int status = CL_QUEUED;
  const cl_int code = clGetEventInfo(event.get(), CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status,
                                     &status, nullptr);
  return code == CL_SUCCESS ? status : code;
}

}  // namespace

Queue::Queue(Device* device) : device_(device), raw_(device->MakeQueue(0)) {}

Queue::~Queue() {
  clFinish(raw_.get());
  std::lock_guard lock(timeline_->mutex);
  timeline_->pending.clear();  // not by a callback, whose thread may hold locks of the driver
}

// Timing is a property of OpenCL's queue, which cannot be changed.
void Queue::Profile(bool on) {
  recorder_.reset();
  Check(clFinish(raw_.get()), "clFinish");
  raw_ = device_->MakeQueue(on ? CL_QUEUE_PROFILING_ENABLE : 0);
  if (on) recorder_ = std::make_unique<Recorder>(raw_.get());
}

void Queue::Submit(uint64_t value, Event last) {
  if (!last) {
    Check(clEnqueueMarkerWithWaitList(raw_.get(), 0, nullptr, last.out()),
          "clEnqueueMarkerWithWaitList");
  }
  Check(clFlush(raw_.get()), "clFlush");
  {
    std::lock_guard lock(timeline_->mutex);
    timeline_->pending.push_back({value, std::move(last), false});
    timeline_->Settle();
  }
  timeline_->Tell(nullptr);
}

Event Queue::Pending(uint64_t value) {
  std::lock_guard lock(timeline_->mutex);
  timeline_->Settle();
  auto error = sdk::Sized<ms_error>();
  if (timeline_->Done(value)) {
    const ms_code code = timeline_->Answer(value, &error);
    if (code != MS_OK) throw sdk::Error(code, error.message);
    return {};
  }
  for (const Submission& submission : timeline_->pending) {
    if (submission.value >= value) return submission.event;
  }
  throw sdk::Error(MS_FAILED_PRECONDITION, "execute waits for a fence that nothing has signalled");
}

ms_code Queue::Query(uint64_t value, ms_error* error) {
  std::lock_guard lock(timeline_->mutex);
  timeline_->Settle();
  return timeline_->Answer(value, error);
}

ms_code Queue::Wait(uint64_t value, std::chrono::nanoseconds timeout, ms_error* error) {
  // Far enough away for any caller, near enough not to overflow.
  constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24 * 365);
  const auto end = std::chrono::steady_clock::now() + std::min(timeout, kLongest);
  bool in_time = true;
  while (true) {
    const uint64_t seen = timeline_->News();
    {
      std::lock_guard lock(timeline_->mutex);
      timeline_->Settle();
      if (timeline_->Done(value)) return timeline_->Answer(value, error);
    }
    if (!in_time) {
      return sdk::Fail(error, MS_DEADLINE_EXCEEDED, "the fence was not reached in time");
    }
    Watch(timeline_, value);
    std::unique_lock lock(timeline_->news_mutex);
    in_time = timeline_->changed.wait_until(lock, end, [&] { return timeline_->news != seen; });
  }
}

void Queue::Watch(const std::shared_ptr<Timeline>& timeline, uint64_t value) {
  auto watcher = std::make_unique<Watcher>();
  Event event;
  {
    std::lock_guard lock(timeline->mutex);
    auto it = std::ranges::find_if(timeline->pending,
                                   [&](const Submission& s) { return s.value >= value; });
    if (it == timeline->pending.end() || it->watched) return;
    it->watched = true;
    event = it->event;
    *watcher = {timeline, it->value};
  }
  Check(clSetEventCallback(event.get(), CL_COMPLETE, OnComplete, watcher.get()),
        "clSetEventCallback");
  static_cast<void>(watcher.release());  // the callback's now
}

void CL_CALLBACK Queue::OnComplete(cl_event, cl_int status, void* user) {
  const std::unique_ptr<Watcher> watcher(static_cast<Watcher*>(user));
  const Completion completion{watcher->value, status};
  watcher->timeline->Tell(&completion);
}

void Queue::Timeline::Tell(const Completion* completion) {
  {
    std::lock_guard lock(news_mutex);
    if (completion != nullptr) completions.push_back(*completion);
    ++news;
  }
  changed.notify_all();
}

uint64_t Queue::Timeline::News() {
  std::lock_guard lock(news_mutex);
  return news;
}

// What has ended leaves the list. Events of an in-order queue end in order.
void Queue::Timeline::Settle() {
  {
    std::lock_guard lock(news_mutex);
    for (const Completion& completion : completions) Finish(completion);
    completions.clear();
  }
  while (!pending.empty()) {
    const Submission& front = pending.front();
    if (front.value > reached) {
      const cl_int status = StatusOf(front.event);
      if (status > CL_COMPLETE) return;
      Finish({front.value, status});
    }
    pending.pop_front();
  }
}

void Queue::Timeline::Finish(Completion completion) {
  if (completion.status < 0 && completion.value < failed_from) {
    failed_from = completion.value;
    failure = completion.status;
  }
  reached = std::max(reached, completion.value);
}

ms_code Queue::Timeline::Answer(uint64_t value, ms_error* error) const {
  if (failed_from <= value) {
    return sdk::Fail(error, ToMs(failure), "the device failed while working: " + CodeName(failure));
  }
  if (reached >= value) return MS_OK;
  return sdk::Fail(error, MS_UNAVAILABLE, "the fence is not reached yet");
}

}  // namespace midstream::opencl
