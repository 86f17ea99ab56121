#include "runtime/buffer.h"

namespace midstream::opencl {

bool EnqueueCopy(Queue* queue, const ms_tensor& from, const ms_tensor& to) {
  const uint64_t bytes = BytesOf(from);
  if (bytes == 0) return false;
  const Buffer* source = BufferOf(from);
  const Buffer* target = BufferOf(to);
  if (source == nullptr && target == nullptr) {
    queue->WaitUntilIdle();  // the host's copy takes its turn among the queue's work
    std::memcpy(HostAddress(to), HostAddress(from), bytes);
    return false;
  }
  if (source != nullptr && target != nullptr) {
    Check(clEnqueueCopyBuffer(queue->raw(), source->mem.get(), target->mem.get(), from.byte_offset,
                              to.byte_offset, bytes, 0, nullptr, queue->NextEvent()),
          "clEnqueueCopyBuffer");
    return true;
  }
  if (target != nullptr) {
    Check(clEnqueueWriteBuffer(queue->raw(), target->mem.get(), CL_FALSE, to.byte_offset, bytes,
                               HostAddress(from), 0, nullptr, queue->NextEvent()),
          "clEnqueueWriteBuffer");
  } else {
    Check(clEnqueueReadBuffer(queue->raw(), source->mem.get(), CL_FALSE, from.byte_offset, bytes,
                              HostAddress(to), 0, nullptr, queue->NextEvent()),
          "clEnqueueReadBuffer");
  }
  queue->LastTouchesHost();
  return true;
}

}  // namespace midstream::opencl
