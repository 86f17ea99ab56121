// Functions of OpenCL that fail on demand; see opencl_testing.h. Linked into opencl_faulty.so with
// --wrap, so only that plugin calls them.
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

std::mutex mutex;
std::map<cl_event, cl_int> failed_events;  // that the driver is to say have failed
std::vector<cl_event> holds;               // what kernels that hang wait for

// The code that this call of `function` is to fail with; 0: none.
cl_int FaultOf(const std::string& function, bool once = false) {
  static std::string current;
  static int calls = 0;
  std::lock_guard lock(mutex);
  const char* variable = std::getenv("MS_TEST_CL_FAULT");
  const std::string wanted = variable != nullptr ? variable : "";
  if (wanted != current) {
    current = wanted, calls = 0;
    for (cl_event hold : holds) {
      clSetUserEventStatus(hold, CL_COMPLETE);
      clReleaseEvent(hold);
    }
    holds.clear();
  }
  if (!wanted.starts_with(function + ":")) return CL_SUCCESS;
  const size_t code = function.size() + 1, nth = wanted.find(':', code) + 1;
  const int first = std::stoi(wanted.substr(nth));
  ++calls;
  return calls == first || (calls > first && !once) ? std::stoi(wanted.substr(code)) : CL_SUCCESS;
}

// The command of this event ends with the code, as far as anybody can see who asks the event.
void FailEvent(const char* fault, cl_int enqueued, const cl_event* event) {
  const cl_int code = FaultOf(fault, true);
  if (code == CL_SUCCESS || enqueued != CL_SUCCESS || event == nullptr) return;
  clRetainEvent(*event);  // so that no other gets its address
  std::lock_guard lock(mutex);
  failed_events[*event] = code;
}

cl_int StatusOfFailed(cl_event event) {
  std::lock_guard lock(mutex);
  const auto it = failed_events.find(event);
  return it != failed_events.end() ? it->second : CL_SUCCESS;
}

// Something that does not happen until the fault goes.
cl_event Hold(cl_command_queue queue) {
  cl_context context = nullptr;
  clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, nullptr);
  cl_int code = CL_SUCCESS;
  const cl_event hold = clCreateUserEvent(context, &code);
  std::lock_guard lock(mutex);
  holds.push_back(hold);
  return hold;
}

// Whether a device with the limits of many would refuse the number of work-groups.
bool IsTooLarge(const size_t* global, const size_t* local) {
  constexpr size_t kMost = 65535;
  return global[1] / local[1] > kMost || global[2] / local[2] > kMost;
}

}  // namespace

extern "C" {

cl_mem __real_clCreateBuffer(cl_context, cl_mem_flags, size_t, void*, cl_int*);
cl_mem __wrap_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* host,
                             cl_int* code) {
  const cl_int fault = FaultOf("clCreateBuffer");
  if (fault == CL_SUCCESS) return __real_clCreateBuffer(context, flags, size, host, code);
  *code = fault;
  return nullptr;
}

cl_int __real_clEnqueueWriteBuffer(cl_command_queue, cl_mem, cl_bool, size_t, size_t, const void*,
                                   cl_uint, const cl_event*, cl_event*);
cl_int __wrap_clEnqueueWriteBuffer(cl_command_queue queue, cl_mem mem, cl_bool blocking,
                                   size_t offset, size_t size, const void* from, cl_uint n,
                                   const cl_event* waits, cl_event* event) {
  const cl_int fault = FaultOf("clEnqueueWriteBuffer");
  if (fault != CL_SUCCESS) return fault;
  const cl_int code =
      __real_clEnqueueWriteBuffer(queue, mem, blocking, offset, size, from, n, waits, event);
  FailEvent("write", code, event);
  return code;
}

cl_int __real_clEnqueueNDRangeKernel(cl_command_queue, cl_kernel, cl_uint, const size_t*,
                                     const size_t*, const size_t*, cl_uint, const cl_event*,
                                     cl_event*);
cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                                     const size_t* offset, const size_t* global,
                                     const size_t* local, cl_uint n, const cl_event* waits,
                                     cl_event* event) {
  const cl_int fault = FaultOf("clEnqueueNDRangeKernel");
  if (fault != CL_SUCCESS) return fault;
  if (IsTooLarge(global, local) && FaultOf("grid") != CL_SUCCESS) return FaultOf("grid");
  if (FaultOf("hang", true) != CL_SUCCESS) {
    const cl_event hold = Hold(queue);
    clEnqueueBarrierWithWaitList(queue, 1, &hold, nullptr);
  }
  const cl_int code =
      __real_clEnqueueNDRangeKernel(queue, kernel, dims, offset, global, local, n, waits, event);
  FailEvent("kernel", code, event);
  return code;
}

// A build with an option that no compiler knows, so that the log is the driver's own.
cl_int __real_clBuildProgram(cl_program, cl_uint, const cl_device_id*, const char*,
                             void(CL_CALLBACK*)(cl_program, void*), void*);
cl_int __wrap_clBuildProgram(cl_program program, cl_uint n, const cl_device_id* devices,
                             const char* flags, void(CL_CALLBACK* notify)(cl_program, void*),
                             void* user) {
  const std::string broken = std::string(flags) + " -Dkernel=not_a_word";
  const bool fault = FaultOf("clBuildProgram") != CL_SUCCESS;
  return __real_clBuildProgram(program, n, devices, fault ? broken.c_str() : flags, notify, user);
}

cl_int __real_clGetEventInfo(cl_event, cl_event_info, size_t, void*, size_t*);
cl_int __wrap_clGetEventInfo(cl_event event, cl_event_info what, size_t size, void* value,
                             size_t* returned) {
  const cl_int fault = FaultOf("clGetEventInfo"), failed = StatusOfFailed(event);
  const cl_int code = __real_clGetEventInfo(event, what, size, value, returned);
  if (what != CL_EVENT_COMMAND_EXECUTION_STATUS) return code;
  auto* status = static_cast<cl_int*>(value);
  if (fault != CL_SUCCESS) *status = fault;
  if (failed != CL_SUCCESS && *status <= CL_COMPLETE) *status = failed;
  return code;
}

cl_int __real_clGetEventProfilingInfo(cl_event, cl_profiling_info, size_t, void*, size_t*);
cl_int __wrap_clGetEventProfilingInfo(cl_event event, cl_profiling_info what, size_t size,
                                      void* value, size_t* returned) {
  if (StatusOfFailed(event) != CL_SUCCESS) return CL_PROFILING_INFO_NOT_AVAILABLE;
  return __real_clGetEventProfilingInfo(event, what, size, value, returned);
}

}  // extern "C"
