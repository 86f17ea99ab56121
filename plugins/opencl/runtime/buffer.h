// A buffer of the interface, and a tensor's place in device memory or in the host's.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_BUFFER_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_BUFFER_H_

#include "runtime/queue.h"

namespace midstream::opencl {

struct Buffer {
  Device* device;
  Mem mem;
  uint64_t bytes;
  void (*released)(void*) = nullptr;
  void* user = nullptr;
};

inline const Buffer* BufferOf(const ms_tensor& tensor) {
  return reinterpret_cast<const Buffer*>(tensor.buffer);
}
inline uint64_t BytesOf(const ms_tensor& tensor) {
  return static_cast<uint64_t>(sdk::Count({tensor.shape, tensor.rank})) *
         sdk::ByteWidth(tensor.dtype);
}
inline std::byte* HostAddress(const ms_tensor& tensor) {
  return static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
}

// Copies between two tensors of equal size, wherever they lie; enqueues. Whether there was something
// to copy.
bool EnqueueCopy(Queue* queue, const ms_tensor& from, const ms_tensor& to);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_BUFFER_H_
