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
  bool ended = false;
  try {
    ended = !given_up_ && EndsInTime();
  } catch (const sdk::Error&) {  // there is no telling
  }
  std::unique_lock lock(timeline_->mutex);
  if (!ended) {
    const auto uses_host = [](const Submission& s) {
      return s.host > 0 && StatusOf(s.events[s.host - 1]) > CL_COMPLETE;
    };
    const bool touches_host = std::ranges::any_of(timeline_->pending, uses_host) || open_host_ > 0;
    lock.unlock();
    if (touches_host) {
      clFinish(raw_.get());
    } else {
      KeepForever(std::make_shared<CommandQueue>(raw_));
    }
    lock.lock();
  }
  timeline_->pending.clear();  // not by a callback, whose thread may hold locks of the driver
}

// Timing is a property of OpenCL's queue, which cannot be changed.
void Queue::Profile(bool on) {
  recorder_.reset();
  WaitUntilIdle();
  raw_ = device_->MakeQueue(on ? CL_QUEUE_PROFILING_ENABLE : 0);
  if (on) recorder_ = std::make_unique<Recorder>(raw_.get());
}

cl_event* Queue::NextEvent() {
  if (open_.empty() || open_.back()) open_.emplace_back();
  return open_.back().out();
}

void Queue::Submit(uint64_t value) {
  if (!open_.empty() && !open_.back()) open_.pop_back();  // OpenCL took no such command
  if (open_.empty()) {
    Check(clEnqueueMarkerWithWaitList(raw_.get(), 0, nullptr, NextEvent()),
          "clEnqueueMarkerWithWaitList");
  }
  Check(clFlush(raw_.get()), "clFlush");
  {
    std::lock_guard lock(timeline_->mutex);
    timeline_->pending.push_back({++timeline_->submissions, value, std::exchange(open_, {}),
                                  std::exchange(open_host_, 0), false});
    timeline_->Settle();
  }
  timeline_->Tell(nullptr);
}

void Queue::WaitUntilIdle() {
  if (EndsInTime()) return;
  throw sdk::Error(MS_DEADLINE_EXCEEDED, device_->NoAnswer());
}

// Commands that no submission holds, of an execute that stopped halfway, are a last one.
bool Queue::EndsInTime() {
  if (!open_.empty() && !open_.back()) open_.pop_back();
  if (!open_.empty()) {
    uint64_t last = 0;
    {
      std::lock_guard lock(timeline_->mutex);
      last = timeline_->pending.empty() ? timeline_->reached : timeline_->pending.back().value;
    }
    Submit(last);
  }
  return WaitFor(UINT64_MAX, device_->timeout(), [&] { return timeline_->pending.empty(); });
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
    if (submission.value >= value) return submission.events.back();
  }
  throw sdk::Error(MS_FAILED_PRECONDITION, "execute waits for a fence that nothing has signalled");
}

ms_code Queue::Query(uint64_t value, ms_error* error) {
  std::lock_guard lock(timeline_->mutex);
  timeline_->Settle();
  return timeline_->Answer(value, error);
}

ms_code Queue::Wait(uint64_t value, std::chrono::nanoseconds timeout, ms_error* error) {
  ms_code answer = MS_OK;
  const bool in_time = WaitFor(value, timeout, [&] {
    if (!timeline_->Done(value)) return false;
    answer = timeline_->Answer(value, error);
    return true;
  });
  if (in_time) return answer;
  return sdk::Fail(error, MS_DEADLINE_EXCEEDED, "the fence was not reached in time");
}

template <typename Ready>
bool Queue::WaitFor(uint64_t value, std::chrono::nanoseconds timeout, Ready ready) {
  // Far enough away for any caller, near enough not to overflow.
  constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24 * 365);
  const auto end = std::chrono::steady_clock::now() + std::min(timeout, kLongest);
  bool in_time = true;
  while (true) {
    const uint64_t seen = timeline_->News();
    {
      std::lock_guard lock(timeline_->mutex);
      timeline_->Settle();
      if (ready()) return true;
    }
    if (!in_time) return false;
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
    if (timeline->pending.empty()) return;
    if (it == timeline->pending.end()) --it;  // the last one that there is
    if (it->watched) return;
    it->watched = true;
    event = it->events.back();
    *watcher = {timeline, it->number, it->value};
  }
  Check(clSetEventCallback(event.get(), CL_COMPLETE, OnComplete, watcher.get()),
        "clSetEventCallback");
  static_cast<void>(watcher.release());  // the callback's now
}

void CL_CALLBACK Queue::OnComplete(cl_event, cl_int status, void* user) {
  const std::unique_ptr<Watcher> watcher(static_cast<Watcher*>(user));
  const Completion completion{watcher->number, watcher->value, status};
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

// What has ended leaves the list, once each of its commands was asked how. The queue is in order, so
// a submission has ended when its last command has, or a later submission.
void Queue::Timeline::Settle() {
  uint64_t ended = 0;
  {
    std::lock_guard lock(news_mutex);
    for (const Completion& completion : completions) {
      ended = std::max(ended, completion.number);
      Note(completion.value, completion.status);
    }
    completions.clear();
  }
  while (!pending.empty()) {
    const Submission& front = pending.front();
    if (StatusOf(front.events.back()) > CL_COMPLETE && front.number > ended) return;
    for (const Event& event : front.events) Note(front.value, StatusOf(event));
    reached = std::max(reached, front.value);
    pending.pop_front();
  }
}

void Queue::Timeline::Note(uint64_t value, cl_int status) {
  if (status >= 0 || value >= failed_from) return;
  failed_from = value;
  failure = status;
}

ms_code Queue::Timeline::Answer(uint64_t value, ms_error* error) const {
  if (failed_from <= value) {
    return sdk::Fail(error, ToMs(failure), "the device failed while working: " + CodeName(failure));
  }
  if (reached >= value) return MS_OK;
  return sdk::Fail(error, MS_UNAVAILABLE, "the fence is not reached yet");
}

}  // namespace midstream::opencl
