// One opened OpenCL device: its context, its programs, and a queue for what needs an answer at once.
//
// Threads: any, except for construction.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_DEVICE_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_DEVICE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "runtime/options.h"
#include "runtime/programs.h"
#include "runtime/tuner.h"

namespace midstream::opencl {

class Queue;

// Until the process ends: what work that does not end may touch.
void KeepForever(std::shared_ptr<void> what);

class Device {
 public:
  // Throws Error: MS_UNAVAILABLE without any device that options.device names, MS_OUT_OF_RANGE for an
  // index past those, MS_INVALID_ARGUMENT for an option.
  Device(const ms_host* host, uint32_t index, const Options& options);
  ~Device();

  const ms_host* host() const { return host_; }
  const Traits& traits() const { return traits_; }
  const std::string& isa() const { return isa_; }
  void Log(int32_t level, std::string_view text) const { sdk::Host(host_).Log(level, text); }

  CommandQueue MakeQueue(cl_command_queue_properties properties) const;
  // At least one byte. MS_RESOURCE_EXHAUSTED.
  Mem Allocate(uint64_t bytes) const;
  Mem Import(void* host, uint64_t bytes) const;
  // Has its copy of the data when it returns.
  Mem Upload(const void* data, uint64_t bytes) const;

  Programs& programs() const { return *programs_; }
  Tuner& tuner() const { return *tuner_; }
  bool tunes() const { return tunes_; }
  // Writes new programs and choices to the cache.
  void SaveCache() const {
    programs_->Save();
    tuner_->Save();
  }
  // Makes the work-group as small as this kernel needs it, and the global size whole work-groups.
  // Throws Error(MS_UNIMPLEMENTED) when a fixed work-group is too large.
  void FitGroup(cl_kernel kernel, Call* call) const;

  // body(queue) with the device's own queue to itself; waits for what body enqueued. Throws its
  // error, and Error(MS_DEADLINE_EXCEEDED) when it does not end within timeout(): then the queue is
  // not used again, and `keep` is kept for ever, which holds what of the host's memory it touches.
  void RunNow(const std::function<void(Queue*)>& body, const std::shared_ptr<void>& keep = nullptr);
  // How long to wait for work that no caller sets a time for.
  std::chrono::nanoseconds timeout() const { return timeout_; }
  // "device 'cpu' did not answer for 600 s"
  std::string NoAnswer() const;

 private:
  void CheckSize(uint64_t bytes) const;

  const ms_host* host_;
  cl_device_id id_ = nullptr;
  Traits traits_;
  std::string isa_;
  Context context_;
  Cache cache_;
  bool tunes_;
  std::chrono::nanoseconds timeout_;
  std::unique_ptr<Programs> programs_;
  std::unique_ptr<Tuner> tuner_;
  std::mutex now_mutex_;
  std::unique_ptr<Queue> now_queue_;  // null: to be opened anew
  uint64_t now_signal_ = 0;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_DEVICE_H_
