// The plugin "far": a device with memory of its own that works on after the call, for tests.
//
// It computes with the reference plugin's kernels, on one thread for each queue, in memory that it
// alone touches: values reach it by copies only, and it refuses host addresses in execute, tensors
// outside their buffer and offsets of a wrong alignment. Values of weights are read when the queue
// comes to it, not when they are put. Its devices differ in nothing but their number.
//
// What goes wrong, and when, is a test's to say through FarControl, which get_extension(kFarControl)
// gives; reset() between tests.
#ifndef MIDSTREAM_TESTS_FAR_PLUGIN_FAR_H_
#define MIDSTREAM_TESTS_FAR_PLUGIN_FAR_H_

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

#include "midstream/backend.h"

namespace midstream::far {

inline constexpr const char* kFarControl = "midstream.test.far/1";
inline constexpr uint32_t kDevices = 2;

struct FarControl {
  // A fault that strikes the nth time from now on (0: never), once.
  struct Fault {
    int in = 0;
    ms_code code = MS_UNKNOWN;
    std::string message;

    bool Strikes() { return in > 0 && --in == 0; }
  };

  void reset() {
    {
      const std::lock_guard lock(mutex);
      held = hold_before_execute = false;
      execute = execute_late = copy_late = seal_late = allocate = open = {};
      module_refused = plan_refused = {};
      claims_refused.clear();
    }
    changed.notify_all();
    jitter = 0;
    waits = executes = copies = 0;
  }
  void set(Fault FarControl::*fault, int in, ms_code code, std::string message) {
    const std::lock_guard lock(mutex);
    this->*fault = {in, code, std::move(message)};
  }
  // Queues stop before their next piece of work.
  void hold() {
    const std::lock_guard lock(mutex);
    held = true;
  }
  void release() {
    {
      const std::lock_guard lock(mutex);
      held = hold_before_execute = false;
    }
    changed.notify_all();
  }
  void WaitUntilHeld(int queues) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return at_hold >= queues; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool held = false;
  bool hold_before_execute = false;  // the same, but copies pass
  int at_hold = 0;                   // queues that wait for release()

  Fault execute, execute_late, copy_late, seal_late, allocate, open;
  // Modules and plans of segments that contain the operator `message` are refused with `code`.
  struct Refusal {
    ms_code code = MS_OK;
    std::string op;
    uint32_t device = UINT32_MAX;  // only this one, or all
  };
  Refusal module_refused, plan_refused;
  std::set<std::string> claims_refused;  // "Relu", or "Relu@1" by device 1 alone

  std::atomic<uint32_t> jitter{0};  // most microseconds, about, that a queue waits before its work
  std::atomic<uint64_t> waits{0}, executes{0}, copies{0};  // calls
  std::atomic<uint64_t> submitted{0}, done{0};             // pieces of work of all queues, ever
  std::atomic<int64_t> buffers{0}, queues{0}, modules{0}, plans{0}, weights{0};  // that live
};

}  // namespace midstream::far

#endif  // MIDSTREAM_TESTS_FAR_PLUGIN_FAR_H_
