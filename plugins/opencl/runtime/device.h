// One opened OpenCL device: its context, its programs, and a queue for what needs an answer at once.
//
// Threads: any, except for construction.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_DEVICE_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_DEVICE_H_

#include <memory>
#include <mutex>

#include "runtime/options.h"
#include "runtime/programs.h"
#include "runtime/tuner.h"

namespace midstream::opencl {

class Device {
 public:
  // Throws Error: MS_OUT_OF_RANGE, MS_UNAVAILABLE without any device, MS_INVALID_ARGUMENT for an
  // option.
  Device(const ms_host* host, uint32_t index, const Options& options);

  const ms_host* host() const { return host_; }
  const Traits& traits() const { return traits_; }
  const std::string& isa() const { return isa_; }
  void Log(int32_t level, std::string_view text) const { sdk::Host(host_).Log(level, text); }

  CommandQueue MakeQueue(cl_command_queue_properties properties) const;
  // At least one byte. MS_RESOURCE_EXHAUSTED.
  Mem Allocate(uint64_t bytes) const;
  Mem Import(void* host, uint64_t bytes) const;
  Mem Upload(const void* data, uint64_t bytes);

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

  // body(queue) with the device's own queue to itself; waits for what body enqueued.
  template <typename Body>
  void RunNow(Body&& body) {
    std::lock_guard lock(now_mutex_);
    body(now_queue_.get());
    Check(clFinish(now_queue_.get()), "clFinish");
  }

 private:
  const ms_host* host_;
  cl_device_id id_ = nullptr;
  Traits traits_;
  std::string isa_;
  Context context_;
  std::mutex now_mutex_;
  CommandQueue now_queue_;
  Cache cache_;
  bool tunes_;
  std::unique_ptr<Programs> programs_;
  std::unique_ptr<Tuner> tuner_;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_DEVICE_H_
