// Times the work of one queue by OpenCL's event profiling, for the extension MS_EXT_PROFILE.
//
// Threads: the one that uses the queue.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_RECORDER_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_RECORDER_H_

#include <functional>
#include <vector>

#include "runtime/cl.h"

namespace midstream::opencl {

class Recorder {
 public:
  // `queue` was made with CL_QUEUE_PROFILING_ENABLE and is idle.
  explicit Recorder(cl_command_queue queue);

  void Add(Event event, uint32_t node, ms_plan* plan, const std::string& kernel);
  // What has ended since the last call, in order of begin; what failed has no times and is left out.
  void Read(const std::function<void(const ms_profile_event&)>& sink);

 private:
  struct Work {
    Event event;
    uint32_t node;
    ms_plan* plan;
    std::string kernel;
  };
  std::vector<Work> work_;
  int64_t to_host_ns_ = 0;  // the host's clock less the device's
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_RECORDER_H_
