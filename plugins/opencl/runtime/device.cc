#include "runtime/device.h"

#include <algorithm>

namespace midstream::opencl {
namespace {

std::string Describe(const Options& options) {
  return options.device.empty() ? "" : " that matches '" + options.device + "'";
}

cl_device_id Choose(uint32_t index, const Options& options) {
  const std::vector<cl_device_id> devices = MatchingDevices(options.device);
  if (index < devices.size()) return devices[index];
  std::string known;
  const std::vector<cl_device_id> all = AllDevices();
  for (size_t i = 0; i < all.size(); ++i) {
    known += (i == 0 ? "" : ", ") + std::to_string(i) + ": " + QueryTraits(all[i]).name;
  }
  if (all.empty()) {
    throw sdk::Error(MS_UNAVAILABLE,
                     "there is no OpenCL device: no platform is installed, or none has a device");
  }
  throw sdk::Error(MS_OUT_OF_RANGE, "there is no OpenCL device " + std::to_string(index) +
                                        Describe(options) + "; there are " + known);
}

}  // namespace

Device::Device(const ms_host* host, uint32_t index, const Options& options)
    : host_(host),
      id_(Choose(index, options)),
      traits_(QueryTraits(id_)),
      cache_(host, options.cache_dir),
      tunes_(options.tuning) {
  isa_ = traits_.version;
  if (options.kernels != Options::Kernels::kAuto)
    traits_.tiles = options.kernels == Options::Kernels::kTiles;
  cl_bool available = CL_FALSE;
  Check(clGetDeviceInfo(id_, CL_DEVICE_AVAILABLE, sizeof available, &available, nullptr),
        "clGetDeviceInfo");
  if (available == CL_FALSE) {
    throw sdk::Error(MS_UNAVAILABLE, "OpenCL device '" + traits_.name + "' is not available");
  }
  cl_int code = CL_SUCCESS;
  context_ = Context(clCreateContext(nullptr, 1, &id_, nullptr, nullptr, &code));
  Check(code, "clCreateContext");
  now_queue_ = MakeQueue(0);
  programs_ = std::make_unique<Programs>(host, context_.get(), id_, traits_, &cache_);
  tuner_ = std::make_unique<Tuner>(&cache_, programs_->device_key());
}

CommandQueue Device::MakeQueue(cl_command_queue_properties properties) const {
  cl_int code = CL_SUCCESS;
  CommandQueue queue(clCreateCommandQueue(context_.get(), id_, properties, &code));
  Check(code, "clCreateCommandQueue");
  return queue;
}

Mem Device::Allocate(uint64_t bytes) const {
  if (bytes > traits_.max_buffer_bytes) {
    throw sdk::Error(MS_RESOURCE_EXHAUSTED, "a buffer of " + std::to_string(bytes) +
                                                " bytes is more than '" + traits_.name +
                                                "' gives at once (" +
                                                std::to_string(traits_.max_buffer_bytes) + ")");
  }
  cl_int code = CL_SUCCESS;
  Mem mem(clCreateBuffer(context_.get(), CL_MEM_READ_WRITE, std::max<uint64_t>(bytes, 1), nullptr,
                         &code));
  if (code != CL_SUCCESS) Throw(code, "a device buffer of " + std::to_string(bytes) + " bytes");
  return mem;
}

Mem Device::Import(void* host, uint64_t bytes) const {
  cl_int code = CL_SUCCESS;
  Mem mem(
      clCreateBuffer(context_.get(), CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, bytes, host, &code));
  Check(code, "clCreateBuffer of host memory");
  return mem;
}

Mem Device::Upload(const void* data, uint64_t bytes) {
  Mem mem = Allocate(bytes);
  if (bytes > 0) {
    RunNow([&](cl_command_queue queue) {
      Check(clEnqueueWriteBuffer(queue, mem.get(), CL_TRUE, 0, bytes, data, 0, nullptr, nullptr),
            "clEnqueueWriteBuffer");
    });
  }
  return mem;
}

void Device::FitGroup(cl_kernel kernel, Call* call) const {
  size_t limit = traits_.max_group;
  Check(clGetKernelWorkGroupInfo(kernel, id_, CL_KERNEL_WORK_GROUP_SIZE, sizeof limit, &limit,
                                 nullptr),
        "clGetKernelWorkGroupInfo");
  Size3& local = call->local;
  auto too_large = [&] {
    for (size_t i = 0; i < 3; ++i) {
      if (local[i] > traits_.max_items[i]) return true;
    }
    return local[0] * local[1] * local[2] > limit;
  };
  if (call->fixed_local && too_large()) {
    throw sdk::Error(MS_UNIMPLEMENTED, "kernel " + call->kernel + " needs work-groups of " +
                                           std::to_string(local[0] * local[1] * local[2]) + "; '" +
                                           traits_.name + "' gives it " + std::to_string(limit));
  }
  while (too_large()) {
    size_t& largest = *std::ranges::max_element(local);
    largest = (largest + 1) / 2;
  }
  for (size_t i = 0; i < 3; ++i) {
    call->global[i] = (call->global[i] + local[i] - 1) / local[i] * local[i];
  }
}

}  // namespace midstream::opencl
