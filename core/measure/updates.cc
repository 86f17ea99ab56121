#include "core/measure/updates.h"

#include <algorithm>
#include <utility>

#include "core/measure/clock.h"

namespace midstream::measure {
namespace {

// How soon a loop that waits for its next update sees that it shall stop.
constexpr uint64_t kLookNs = 20'000'000;

}  // namespace

void UpdateResult::Merge(const UpdateResult& other) {
  seconds += other.seconds;
  updates += other.updates;
  failed += other.failed;
  if (first_error.empty()) first_error = other.first_error;
  stage_ns.Merge(other.stage_ns);
  commit_ns.Merge(other.commit_ns);
  const size_t room = kMaxMoments - std::min(kMaxMoments, commits_at_ns.size());
  const auto end = other.commits_at_ns.begin() +
                   static_cast<ptrdiff_t>(std::min(room, other.commits_at_ns.size()));
  commits_at_ns.insert(commits_at_ns.end(), other.commits_at_ns.begin(), end);
}

UpdateLoop::UpdateLoop(ApplyUpdate apply, double rate, uint64_t first)
    : apply_(std::move(apply)), start_ns_(Now()), thread_([=, this] { Main(rate, first); }) {}

UpdateLoop::~UpdateLoop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

UpdateResult UpdateLoop::Stop() {
  stop_ = true;
  thread_.join();
  result_.seconds = static_cast<double>(Now() - start_ns_) * 1e-9;
  return std::move(result_);
}

void UpdateLoop::Main(double rate, uint64_t first) {
  BeginTimedThread("ms-trainer");
  const auto period_ns = rate > 0 ? static_cast<uint64_t>(1e9 / rate) : 0;
  Histogram stage, commit;
  uint64_t due_ns = start_ns_ + period_ns / 2;  // not at the moment at which a slice begins
  for (uint64_t number = first; !stop_;) {
    const uint64_t now = Now();
    if (due_ns > now + kLookNs) {
      WaitUntil(now + kLookNs);
      continue;
    }
    WaitUntil(due_ns);
    if (stop_) break;
    const Result<UpdateTimes> times = apply_(number++);
    due_ns = std::max(due_ns + period_ns, Now());
    if (!times.ok()) {
      ++result_.failed;
      if (result_.first_error.empty()) result_.first_error = times.status().ToString();
      continue;
    }
    ++result_.updates;
    stage.Record(times->stage_ns);
    commit.Record(times->commit_ns);
    if (result_.commits_at_ns.size() < UpdateResult::kMaxMoments) {
      result_.commits_at_ns.push_back(Now());
    }
  }
  result_.stage_ns = stage.TakeSnapshot();
  result_.commit_ns = commit.TakeSnapshot();
}

}  // namespace midstream::measure
