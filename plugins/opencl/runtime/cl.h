// OpenCL handles as C++ values, and OpenCL's codes as errors of the backend interface.
//
// OpenCL 1.2 is the floor; what came later is used only after a query. Handles are counted by
// OpenCL itself, so a copy of one here is a clRetain. Releasing a buffer that enqueued work still
// uses is legal: OpenCL keeps it until that work has ended.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CL_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CL_H_

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <string>
#include <utility>

#include "midstream/view.hpp"

namespace midstream::opencl {

// "CL_OUT_OF_RESOURCES (-5)".
std::string CodeName(cl_int code);
// MS_RESOURCE_EXHAUSTED for memory, MS_UNAVAILABLE for a device that is gone, MS_UNIMPLEMENTED for a
// program or a launch that the device does not take, else MS_INTERNAL.
ms_code ToMs(cl_int code);
// Throws sdk::Error: "`what` failed: CL_...".
[[noreturn]] void Throw(cl_int code, const std::string& what);
inline void Check(cl_int code, const char* what) {
  if (code != CL_SUCCESS) Throw(code, what);
}

template <typename T, cl_int (*Retain)(T), cl_int (*Release)(T)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T raw) : raw_(raw) {}  // takes the reference that the caller holds
  Handle(const Handle& other) : raw_(other.raw_) {
    if (raw_ != nullptr) Retain(raw_);
  }
  Handle(Handle&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Handle& operator=(Handle other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Handle() {
    if (raw_ != nullptr) Release(raw_);
  }
  T get() const { return raw_; }
  explicit operator bool() const { return raw_ != nullptr; }
  // Where a function of OpenCL writes a new handle. Requires: empty.
  T* out() { return &raw_; }

 private:
  T raw_ = nullptr;
};

using Context = Handle<cl_context, clRetainContext, clReleaseContext>;
using CommandQueue = Handle<cl_command_queue, clRetainCommandQueue, clReleaseCommandQueue>;
using Mem = Handle<cl_mem, clRetainMemObject, clReleaseMemObject>;
using Program = Handle<cl_program, clRetainProgram, clReleaseProgram>;
using KernelObject = Handle<cl_kernel, clRetainKernel, clReleaseKernel>;
using Event = Handle<cl_event, clRetainEvent, clReleaseEvent>;

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CL_H_
