#include "runtime/device.h"

#include <algorithm>

#include "runtime/kernel_sources.h"

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

std::string_view SourceText(const std::string& name) {
  for (unsigned i = 0; i < kKernelSourceCount; ++i) {
    if (kKernelSources[i].name == name) return kKernelSources[i].text;
  }
  throw sdk::Error(MS_INTERNAL, "there is no kernel source '" + name + "'");
}

std::string BuildLog(cl_program program, cl_device_id device) {
  size_t size = 0;
  clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &size);
  std::string log(size, '\0');
  clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, log.data(), nullptr);
  log.resize(std::min(log.find('\0'), log.size()));
  return log;
}

// The part of a build log that a message of limited length should hold.
std::string FromFirstError(const std::string& log) {
  const size_t error = log.find("error");
  if (error == std::string::npos) return log;
  const size_t line = log.rfind('\n', error);
  return log.substr(line == std::string::npos ? 0 : line + 1);
}

}  // namespace

Device::Device(const ms_host* host, uint32_t index, const Options& options)
    : host_(host), id_(Choose(index, options)), traits_(QueryTraits(id_)) {
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
  now_queue_ = MakeQueue();
}

CommandQueue Device::MakeQueue() const {
  cl_int code = CL_SUCCESS;
  CommandQueue queue(clCreateCommandQueue(context_.get(), id_, 0, &code));
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

KernelObject Device::MakeKernel(const Call& call) {
  const std::string key = call.source + ' ' + call.defines;
  std::promise<Program> promise;
  std::shared_future<Program> program;
  bool mine = false;
  {
    std::lock_guard lock(programs_mutex_);
    auto [it, inserted] = programs_.try_emplace(key);
    if (inserted) it->second = promise.get_future().share();
    program = it->second;
    mine = inserted;
  }
  if (mine) {
    try {
      promise.set_value(Build(call.source, call.defines));
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  }
  cl_int code = CL_SUCCESS;
  KernelObject kernel(clCreateKernel(program.get().get(), call.kernel.c_str(), &code));
  if (code != CL_SUCCESS) Throw(code, "kernel " + call.kernel + " of " + call.source + ".cl");
  return kernel;
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

Program Device::Build(const std::string& source, const std::string& defines) const {
  const std::string_view parts[] = {SourceText("common"), SourceText(source)};
  const char* texts[] = {parts[0].data(), parts[1].data()};
  const size_t sizes[] = {parts[0].size(), parts[1].size()};
  cl_int code = CL_SUCCESS;
  Program program(clCreateProgramWithSource(context_.get(), 2, texts, sizes, &code));
  Check(code, "clCreateProgramWithSource");
  std::string flags = "-cl-std=CL1.2 " + defines;
  if (traits_.cpu) flags += " -DMS_CPU";
  if (traits_.fp64) flags += " -DMS_FP64";
  if (traits_.rounded_divide) flags += " -cl-fp32-correctly-rounded-divide-sqrt";
  code = clBuildProgram(program.get(), 1, &id_, flags.c_str(), nullptr, nullptr);
  if (code == CL_SUCCESS) return program;
  const std::string log = BuildLog(program.get(), id_);
  Log(MS_LOG_ERROR, "opencl: " + source + ".cl with " + flags + " does not build: " + log);
  throw sdk::Error(ToMs(code), source + ".cl does not build (" + CodeName(code) + ") with " +
                                   flags + ": " + FromFirstError(log));
}

}  // namespace midstream::opencl
