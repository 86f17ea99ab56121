// The memory that plugins allocate through ms_host: 64-byte aligned, counted, recycled.
//
// A weight update frees as much as it allocates, and first touch of fresh pages costs five times
// the copy itself. So freed blocks are kept by size and handed out again; at steady state the
// system is not asked at all. What is kept is bounded by what is in use.
//
// Threads: any.
#ifndef MIDSTREAM_CORE_BACKEND_MEMORY_H_
#define MIDSTREAM_CORE_BACKEND_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace midstream::backend {

struct MemoryStats {
  uint64_t system_allocations = 0;  // requests that reached the system
  uint64_t live_bytes = 0;          // handed out
  uint64_t cached_bytes = 0;        // kept for reuse
};

class RecyclingMemory {
 public:
  RecyclingMemory() = default;
  ~RecyclingMemory();
  RecyclingMemory(const RecyclingMemory&) = delete;
  RecyclingMemory& operator=(const RecyclingMemory&) = delete;

  // nullptr when out of memory. `bytes` may be 0. *fresh, if given: whether it is not recycled.
  void* Allocate(size_t bytes, bool* fresh = nullptr);
  // Requires: ptr is nullptr or came from Allocate(bytes).
  void Free(void* ptr, size_t bytes);

  MemoryStats stats() const;

 private:
  bool TooMuchCached() const;  // requires: mutex_ is held

  mutable std::mutex mutex_;
  std::unordered_map<size_t, std::vector<void*>> free_;  // by rounded size
  MemoryStats stats_;
};

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_MEMORY_H_
