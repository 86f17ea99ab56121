#include "runtime/buffer.h"

namespace midstream::opencl {

void EnqueueCopy(cl_command_queue queue, const ms_tensor& from, const ms_tensor& to,
                 cl_event* event) {
  const uint64_t bytes = BytesOf(from);
  if (bytes == 0) return;
  const Buffer* source = BufferOf(from);
  const Buffer* target = BufferOf(to);
  if (source != nullptr && target != nullptr) {
    Check(clEnqueueCopyBuffer(queue, source->mem.get(), target->mem.get(), from.byte_offset,
                              to.byte_offset, bytes, 0, nullptr, event),
          "clEnqueueCopyBuffer");
  } else if (target != nullptr) {
    Check(clEnqueueWriteBuffer(queue, target->mem.get(), CL_FALSE, to.byte_offset, bytes,
                               HostAddress(from), 0, nullptr, event),
          "clEnqueueWriteBuffer");
  } else if (source != nullptr) {
    Check(clEnqueueReadBuffer(queue, source->mem.get(), CL_FALSE, from.byte_offset, bytes,
                              HostAddress(to), 0, nullptr, event),
          "clEnqueueReadBuffer");
  } else {
    Check(clFinish(queue), "clFinish");  // the host's copy takes its turn among the queue's work
    std::memcpy(HostAddress(to), HostAddress(from), bytes);
  }
}

}  // namespace midstream::opencl
