#include "core/measure/memory_copy.h"

#include <algorithm>
#include <cstring>

#include "core/backend/host.h"
#include "core/base/thread_pool.h"

namespace midstream::measure {
namespace {

constexpr size_t kBuffers = 2;
constexpr size_t kLeastToShare = size_t{1} << 16;

}  // namespace

Result<MemoryCopy> MemoryCopy::Make(uint64_t bytes, uint32_t threads) {
  MemoryCopy copy;
  copy.threads_ = threads == 0 ? AvailableCores() : threads;
  for (size_t i = 0; i < kBuffers; ++i) {
    MS_ASSIGN_OR_RETURN(Tensor buffer, Tensor::Allocate(DType::kU8, {static_cast<int64_t>(bytes)}));
    std::memset(buffer.mutable_data(), 1, bytes);  // page faults are not what is measured
    copy.buffers_.push_back(std::move(buffer));
  }
  return copy;
}

void MemoryCopy::Copy(const std::vector<NamedTensor>& from) {
  const backend::ThreadLimit limit(threads_);
  char* target = static_cast<char*>(buffers_[next_ % kBuffers].mutable_data());
  ++next_;
  for (const NamedTensor& tensor : from) {
    const size_t bytes = tensor.value.byte_size();
    const auto* source = static_cast<const char*>(tensor.value.data());
    if (bytes < kLeastToShare || threads_ == 1) {
      std::memcpy(target, source, bytes);
    } else {
      backend::ParallelFor(threads_, [&](uint32_t i) {
        const size_t begin = bytes * i / threads_;
        std::memcpy(target + begin, source + begin, bytes * (i + 1) / threads_ - begin);
      });
    }
    target += bytes;
  }
}

}  // namespace midstream::measure
