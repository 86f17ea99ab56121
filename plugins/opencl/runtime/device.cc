#include "runtime/device.h"

#include <algorithm>
#include <cstdio>

#include "runtime/queue.h"

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
  // None of this kind is a matter of the machine, a wrong number one of the configuration.
  throw sdk::Error(devices.empty() ? MS_UNAVAILABLE : MS_OUT_OF_RANGE,
                   "there is no OpenCL device " + std::to_string(index) + Describe(options) +
                       "; there are " + known);
}

}  // namespace

void KeepForever(std::shared_ptr<void> what) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<void>>;  // never destroyed
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(what));
}

Device::Device(const ms_host* host, uint32_t index, const Options& options)
    : host_(host),
      id_(Choose(index, options)),
      traits_(QueryTraits(id_)),
      cache_(host, options.cache_dir),
      tunes_(options.tuning),
      timeout_(options.timeout) {
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
  programs_ = std::make_unique<Programs>(host, context_.get(), id_, traits_, &cache_);
  tuner_ = std::make_unique<Tuner>(&cache_, programs_->KeyOfAll());
}

Device::~Device() = default;

CommandQueue Device::MakeQueue(cl_command_queue_properties properties) const {
  cl_int code = CL_SUCCESS;
  CommandQueue queue(clCreateCommandQueue(context_.get(), id_, properties, &code));
  Check(code, "clCreateCommandQueue");
  return queue;
}

void Device::CheckSize(uint64_t bytes) const {
  if (bytes > traits_.max_buffer_bytes) {
    throw sdk::Error(MS_RESOURCE_EXHAUSTED, "a buffer of " + std::to_string(bytes) +
                                                " bytes is more than '" + traits_.name +
                                                "' gives at once (" +
                                                std::to_string(traits_.max_buffer_bytes) + ")");
  }
}

Mem Device::Allocate(uint64_t bytes) const {
  CheckSize(bytes);
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

Mem Device::Upload(const void* data, uint64_t bytes) const {
  if (bytes == 0) return Allocate(bytes);
  CheckSize(bytes);
  cl_int code = CL_SUCCESS;
  Mem mem(clCreateBuffer(context_.get(), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, bytes,
                         const_cast<void*>(data), &code));
  if (code != CL_SUCCESS) Throw(code, "a device buffer of " + std::to_string(bytes) + " bytes");
  return mem;
}

void Device::RunNow(const std::function<void(Queue*)>& body, const std::shared_ptr<void>& keep) {
  std::lock_guard lock(now_mutex_);
  if (now_queue_ == nullptr) now_queue_ = std::make_unique<Queue>(this);
  auto error = sdk::Sized<ms_error>();
  ms_code code = MS_OK;
  try {
    body(now_queue_.get());
    now_queue_->Submit(++now_signal_);
    code = now_queue_->Wait(now_signal_, timeout_, &error);
  } catch (...) {  // what was enqueued before the error ends before what it touches goes
    now_queue_.reset();
    throw;
  }
  if (code == MS_OK) return;
  const bool hangs = code == MS_DEADLINE_EXCEEDED;
  if (hangs) {
    now_queue_->GiveUp();
    if (keep != nullptr) KeepForever(keep);
  }
  now_queue_.reset();  // an error stays on its queue
  throw sdk::Error(code, hangs ? NoAnswer() : std::string(error.message));
}

std::string Device::NoAnswer() const {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3g", std::chrono::duration<double>(timeout_).count());
  return "device '" + traits_.name + "' did not answer for " + seconds + " s";
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
