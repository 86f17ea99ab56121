// Memory planning: places buffers with known lifetimes in one arena so that buffers that live at
// the same time never overlap. Used by the core between segments and by backend.hpp inside one.
#ifndef MIDSTREAM_ARENA_HPP_
#define MIDSTREAM_ARENA_HPP_

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace midstream::sdk {

constexpr uint64_t kArenaAlignment = 64;

constexpr uint64_t AlignUp(uint64_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

// One buffer: it is written at step `first` and read for the last time at step `last` (first <=
// last).
struct ArenaItem {
  uint64_t bytes = 0;
  uint32_t first = 0;
  uint32_t last = 0;
  uint64_t offset = 0;  // set by PlanArena, a multiple of kArenaAlignment
};

// Sets every offset and returns the bytes of the arena. Greedy by size (largest first, each at the
// lowest offset where it fits among those already placed that live at the same time): Pisarchyk &
// Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020.
inline uint64_t PlanArena(std::vector<ArenaItem>& items) {
  std::vector<uint32_t> order(items.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return items[a].bytes > items[b].bytes; });
  std::vector<uint32_t> placed;  // by offset
  uint64_t total = 0;
  for (uint32_t idx : order) {
    ArenaItem& item = items[idx];
    uint64_t size = AlignUp(item.bytes);
    uint64_t offset = 0;
    for (uint32_t other_idx : placed) {
      const ArenaItem& other = items[other_idx];
      if (other.last < item.first || item.last < other.first) continue;
      if (offset + size <= other.offset) break;
      offset = std::max(offset, other.offset + AlignUp(other.bytes));
    }
    item.offset = offset;
    total = std::max(total, offset + size);
    auto at = std::upper_bound(
        placed.begin(), placed.end(), offset,
        [&](uint64_t value, uint32_t other) { return value < items[other].offset; });
    placed.insert(at, idx);
  }
  return total;
}

}  // namespace midstream::sdk

#endif  // MIDSTREAM_ARENA_HPP_
