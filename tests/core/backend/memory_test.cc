#include "core/backend/memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace midstream::backend {
namespace {

TEST(RecyclingMemory, HandsAFreedBlockOutAgain) {
  RecyclingMemory memory;
  void* first = memory.Allocate(5 << 20);
  ASSERT_NE(first, nullptr);
  memory.Free(first, 5 << 20);
  EXPECT_EQ(memory.stats().live_bytes, 0u);
  void* second = memory.Allocate((5 << 20) - 100);  // rounds to the same number of pages
  EXPECT_EQ(second, first);
  EXPECT_EQ(memory.stats().system_allocations, 1u);
  memory.Free(second, (5 << 20) - 100);
}

TEST(RecyclingMemory, AlignsAndServesZeroBytes) {
  RecyclingMemory memory;
  for (size_t bytes : {size_t{0}, size_t{1}, size_t{63}, size_t{65}, size_t{70000}}) {
    void* ptr = memory.Allocate(bytes);
    ASSERT_NE(ptr, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(ptr) % 64, 0u);
    std::memset(ptr, 1, bytes);
    memory.Free(ptr, bytes);
  }
  memory.Free(nullptr, 10);
}

TEST(RecyclingMemory, KeepsNoMoreThanIsInUse) {
  RecyclingMemory memory;
  constexpr size_t kBlock = 12 << 20;
  void* blocks[4];
  for (void*& block : blocks) block = memory.Allocate(kBlock);
  for (void* block : blocks) memory.Free(block, kBlock);
  EXPECT_LE(memory.stats().cached_bytes, uint64_t{16} << 20);
  EXPECT_EQ(memory.stats().live_bytes, 0u);
}

TEST(RecyclingMemory, RefusesWhatCannotBe) {
  RecyclingMemory memory;
  EXPECT_EQ(memory.Allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(memory.Allocate(SIZE_MAX - 5000), nullptr);
}

}  // namespace
}  // namespace midstream::backend
