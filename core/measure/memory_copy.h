// MemoryCopy: the least that any update costs, a parallel memcpy of its bytes.
//
// The copies go to two buffers in turn, as whoever keeps the running version intact must do, with
// the threads that staging has.
//
// Threads: one at a time.
#ifndef MIDSTREAM_CORE_MEASURE_MEMORY_COPY_H_
#define MIDSTREAM_CORE_MEASURE_MEMORY_COPY_H_

#include <cstdint>
#include <vector>

#include "core/graph/named_tensor.h"

namespace midstream::measure {

class MemoryCopy {
 public:
  // threads: as execution.threads. Errors: RESOURCE_EXHAUSTED.
  static Result<MemoryCopy> Make(uint64_t bytes, uint32_t threads);

  // Copies tensor after tensor, each cut between the threads. Requires: at most `bytes` in all.
  void Copy(const std::vector<NamedTensor>& from);

  const std::vector<Tensor>& buffers() const { return buffers_; }

 private:
  uint32_t threads_ = 1;
  size_t next_ = 0;
  std::vector<Tensor> buffers_;
};

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_MEMORY_COPY_H_
