#include "runtime/recorder.h"

#include <algorithm>
#include <chrono>

namespace midstream::opencl {
namespace {

constexpr size_t kMostWork = 1 << 16;  // more is dropped until somebody reads
constexpr int kClockRounds = 8;

int64_t TimeOf(const Event& event, cl_profiling_info what) {
  cl_ulong time = 0;
  Check(clGetEventProfilingInfo(event.get(), what, sizeof time, &time, nullptr),
        "clGetEventProfilingInfo");
  return static_cast<int64_t>(time);
}

cl_int StatusOf(const Event& event) {
  cl_int status = CL_QUEUED;
  clGetEventInfo(event.get(), CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, nullptr);
  return status;
}
bool HasEnded(const Event& event) { return StatusOf(event) <= CL_COMPLETE; }

}  // namespace

// The clocks are compared at the end of an empty command; the least distance is the one with the
// least delay between that end and the look at the host's clock.
Recorder::Recorder(cl_command_queue queue) {
  to_host_ns_ = INT64_MAX;
  for (int i = 0; i < kClockRounds; ++i) {
    Event event;
    Check(clEnqueueMarkerWithWaitList(queue, 0, nullptr, event.out()),
          "clEnqueueMarkerWithWaitList");
    Check(clFinish(queue), "clFinish");
    // steady_clock is CLOCK_MONOTONIC.
    const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
    to_host_ns_ = std::min(
        to_host_ns_, static_cast<int64_t>(now.count()) - TimeOf(event, CL_PROFILING_COMMAND_END));
  }
}

void Recorder::Add(Event event, uint32_t node, ms_plan* plan, const std::string& kernel) {
  if (work_.size() < kMostWork) work_.push_back({std::move(event), node, plan, kernel});
}

void Recorder::Read(const std::function<void(const ms_profile_event&)>& sink) {
  const auto running = std::ranges::find_if_not(work_, HasEnded, &Work::event);
  std::vector<ms_profile_event> events;
  for (auto it = work_.begin(); it != running; ++it) {
    if (StatusOf(it->event) < 0) continue;
    auto event = sdk::Sized<ms_profile_event>();
    event.node = it->plan != nullptr ? it->node : MS_NONE;
    event.plan = it->node != MS_NONE ? it->plan : nullptr;
    event.kernel = sdk::Str(it->kernel);
    event.begin_ns =
        static_cast<uint64_t>(TimeOf(it->event, CL_PROFILING_COMMAND_START) + to_host_ns_);
    event.end_ns = static_cast<uint64_t>(TimeOf(it->event, CL_PROFILING_COMMAND_END) + to_host_ns_);
    events.push_back(event);
  }
  std::ranges::stable_sort(events, {}, &ms_profile_event::begin_ns);
  for (const ms_profile_event& event : events) sink(event);
  work_.erase(work_.begin(), running);
}

}  // namespace midstream::opencl
