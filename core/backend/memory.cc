#include "core/backend/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace midstream::backend {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kPage = 4096;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr uint64_t kKeepAtLeast = uint64_t{16} << 20;

// Large blocks are rounded to pages so that sizes that differ a little share blocks. 0 when that
// overflows.
size_t Rounded(size_t bytes) {
  size_t unit = bytes < 16 * kPage ? kAlignment : kPage;
  if (bytes > SIZE_MAX - unit) return 0;
  return std::max(unit, (bytes + unit - 1) / unit * unit);
}

void* FromSystem(size_t size) {
  if (size < 2 * kHugePage) return std::aligned_alloc(kAlignment, size);
  if (size > SIZE_MAX - kHugePage) return nullptr;
  size_t whole = (size + kHugePage - 1) / kHugePage * kHugePage;
  void* ptr = std::aligned_alloc(kHugePage, whole);
  if (ptr != nullptr)
    madvise(ptr, whole, MADV_HUGEPAGE);  // advice only: the answer does not matter
  return ptr;
}

}  // namespace

RecyclingMemory::~RecyclingMemory() {
  for (auto& [size, blocks] : free_) {
    for (void* ptr : blocks) std::free(ptr);
  }
}

void* RecyclingMemory::Allocate(size_t bytes, bool* fresh) {
  if (fresh != nullptr) *fresh = false;
  size_t size = Rounded(bytes);
  if (size == 0) return nullptr;
  {
    std::lock_guard lock(mutex_);
    auto it = free_.find(size);
    if (it != free_.end() && !it->second.empty()) {
      void* ptr = it->second.back();
      it->second.pop_back();
      stats_.cached_bytes -= size;
      stats_.live_bytes += size;
      return ptr;
    }
  }
  void* ptr = FromSystem(size);
  if (ptr == nullptr) return nullptr;
  if (fresh != nullptr) *fresh = true;
  std::lock_guard lock(mutex_);
  ++stats_.system_allocations;
  stats_.live_bytes += size;
  return ptr;
}

void RecyclingMemory::Free(void* ptr, size_t bytes) {
  if (ptr == nullptr) return;
  size_t size = Rounded(bytes);
  std::vector<void*> surplus;
  {
    std::lock_guard lock(mutex_);
    stats_.live_bytes -= size;
    stats_.cached_bytes += size;
    free_[size].push_back(ptr);
    for (auto it = free_.begin(); it != free_.end() && TooMuchCached(); ++it) {
      while (!it->second.empty() && TooMuchCached()) {
        surplus.push_back(it->second.back());
        it->second.pop_back();
        stats_.cached_bytes -= it->first;
      }
    }
  }
  for (void* block : surplus) std::free(block);
}

bool RecyclingMemory::TooMuchCached() const {
  return stats_.cached_bytes > std::max(stats_.live_bytes, kKeepAtLeast);
}

MemoryStats RecyclingMemory::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace midstream::backend
