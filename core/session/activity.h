// Activity: what the executions of a session leave behind: how much they moved, and, while they are
// profiled, how long each node took.
//
// Threads: any.
#ifndef MIDSTREAM_CORE_SESSION_ACTIVITY_H_
#define MIDSTREAM_CORE_SESSION_ACTIVITY_H_

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "core/plan/executor.h"
#include "core/session/node_profile.h"

namespace midstream::session {

class Activity {
 public:
  // An execution of `plan` that succeeded.
  void CountTraffic(const plan::ShapedPlan& plan);
  plan::ShapedPlan::Traffic traffic() const;

  bool profiling() const { return profiling_.load(std::memory_order_relaxed); }
  // On forgets what was timed before.
  void EnableProfile(bool on);
  // lane: of the execution; in a trace each has tracks of its own.
  void AddTimes(const plan::Program& program, const plan::ShapedPlan& plan,
                const std::vector<plan::TimedWork>& times, size_t lane);
  // In the order of execution.
  std::vector<NodeProfile> profile() const;

 private:
  // Segment; 0 for what is copied onto the device before it, 1 for its nodes, 2 for what is copied
  // off behind it, 3 for other work; then the node or the step.
  using Key = std::tuple<size_t, int, size_t, std::string>;

  std::atomic<uint64_t> to_device_bytes_{0}, from_device_bytes_{0}, transfers_{0};
  std::atomic<bool> profiling_{false};
  mutable std::mutex mutex_;
  std::map<Key, NodeProfile> profile_;
};

}  // namespace midstream::session

#endif  // MIDSTREAM_CORE_SESSION_ACTIVITY_H_
