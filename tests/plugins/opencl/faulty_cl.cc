// Functions of OpenCL that fail on demand; see opencl_testing.h. Linked into opencl_faulty.so with
// --wrap, so only that plugin calls them.
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <cstdlib>
#include <mutex>
#include <string>

namespace {

// The code that this call of `function` is to fail with; 0: none.
cl_int FaultOf(const std::string& function) {
  static std::mutex mutex;
  static std::string current;
  static int calls = 0;
  std::lock_guard lock(mutex);
  const char* variable = std::getenv("MS_TEST_CL_FAULT");
  const std::string wanted = variable != nullptr ? variable : "";
  if (wanted != current) current = wanted, calls = 0;
  if (!wanted.starts_with(function + ":")) return CL_SUCCESS;
  const size_t code = function.size() + 1, nth = wanted.find(':', code) + 1;
  return ++calls >= std::stoi(wanted.substr(nth)) ? std::stoi(wanted.substr(code)) : CL_SUCCESS;
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
  return __real_clEnqueueWriteBuffer(queue, mem, blocking, offset, size, from, n, waits, event);
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
  return __real_clEnqueueNDRangeKernel(queue, kernel, dims, offset, global, local, n, waits, event);
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
  const cl_int fault = FaultOf("clGetEventInfo");
  const cl_int code = __real_clGetEventInfo(event, what, size, value, returned);
  if (fault != CL_SUCCESS && what == CL_EVENT_COMMAND_EXECUTION_STATUS)
    *static_cast<cl_int*>(value) = fault;
  return code;
}

}  // extern "C"
