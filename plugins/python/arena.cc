#include "plugins/python/arena.h"

#include <algorithm>

namespace midstream::python {

Arena::Arena(uint64_t begin, uint64_t end)
    : begin_((begin + kAlignment - 1) / kAlignment * kAlignment),
      end_(end / kAlignment * kAlignment) {
  if (begin_ < end_) AddFree(begin_, end_ - begin_);
}

void Arena::AddFree(uint64_t offset, uint64_t bytes) {
  free_[offset] = bytes;
  by_size_.insert({bytes, offset});
}

void Arena::RemoveFree(std::map<uint64_t, uint64_t>::iterator it) {
  by_size_.erase({it->second, it->first});
  free_.erase(it);
}

uint64_t Arena::Allocate(uint64_t bytes) {
  if (bytes > end_ - begin_) return 0;
  bytes = std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  const auto fit = by_size_.lower_bound({bytes, 0});
  if (fit == by_size_.end()) return 0;
  const auto [size, offset] = *fit;
  RemoveFree(free_.find(offset));
  if (size > bytes) AddFree(offset + bytes, size - bytes);
  taken_[offset] = bytes;
  used_ += bytes;
  peak_ = std::max(peak_, used_);
  return offset;
}

void Arena::Free(uint64_t offset) {
  const auto it = taken_.find(offset);
  uint64_t bytes = it->second;
  taken_.erase(it);
  used_ -= bytes;
  const auto next = free_.lower_bound(offset);
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      offset = before->first;
      bytes += before->second;
      RemoveFree(before);
    }
  }
  const auto after = free_.lower_bound(offset);
  if (after != free_.end() && offset + bytes == after->first) {
    bytes += after->second;
    RemoveFree(after);
  }
  AddFree(offset, bytes);
}

std::vector<std::pair<uint64_t, uint64_t>> Arena::FreeRanges() const {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& [offset, bytes] : free_) ranges.push_back({offset, offset + bytes});
  return ranges;
}

}  // namespace midstream::python
