// What is known about one OpenCL device, asked once, and how devices are found and chosen.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_TRAITS_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_TRAITS_H_

#include <array>
#include <vector>

#include "runtime/cl.h"

namespace midstream::opencl {

struct Traits {
  std::string name;
  std::string platform;
  std::string version;  // "OpenCL 3.0 ..."
  std::string driver;
  bool cpu = false;  // kernels read vectors and use one work-item a tile instead of local memory
  uint32_t compute_units = 1;
  uint32_t float_lanes = 1;  // native vector width of float
  size_t max_group = 1;      // work-items of a work-group
  std::array<size_t, 3> max_items{1, 1, 1};
  uint64_t local_bytes = 0;
  uint64_t global_bytes = 0;
  uint64_t max_buffer_bytes = 0;
  bool fp64 = false;
  bool tiles = true;  // work-items own vector registers; else work-groups share local memory
  bool rounded_divide = false;  // -cl-fp32-correctly-rounded-divide-sqrt
};

Traits QueryTraits(cl_device_id device);

// Every device of every platform, platforms in the loader's order; empty without a platform.
std::vector<cl_device_id> AllDevices();

// The devices that `wanted` names: "" all, "gpu", "cpu" or "accelerator" by type, else those with
// the text in their name or their platform's, whatever the case.
std::vector<cl_device_id> MatchingDevices(const std::string& wanted);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_TRAITS_H_
