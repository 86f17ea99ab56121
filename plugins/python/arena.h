// Arena: which parts of a region are in use, as offsets; it does not touch the memory itself.
//
// Best fit over free ranges that are joined with their neighbours. Threads: the caller's lock.
#ifndef MIDSTREAM_PLUGINS_PYTHON_ARENA_H_
#define MIDSTREAM_PLUGINS_PYTHON_ARENA_H_

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace midstream::python {

class Arena {
 public:
  static constexpr uint64_t kAlignment = 64;

  Arena(uint64_t begin, uint64_t end);

  // An offset, a multiple of kAlignment; 0 when there is no room. `bytes` may be 0.
  uint64_t Allocate(uint64_t bytes);
  // Requires: `offset` came from Allocate and was not freed since.
  void Free(uint64_t offset);

  uint64_t used() const { return used_; }
  uint64_t room() const { return end_ - begin_; }
  // Most bytes in use since ForgetPeak.
  uint64_t peak() const { return peak_; }
  void ForgetPeak() { peak_ = used_; }
  // All free ranges, [first, second).
  std::vector<std::pair<uint64_t, uint64_t>> FreeRanges() const;

 private:
  void AddFree(uint64_t offset, uint64_t bytes);
  void RemoveFree(std::map<uint64_t, uint64_t>::iterator it);

  uint64_t begin_;
  uint64_t end_;
  uint64_t used_ = 0;
  uint64_t peak_ = 0;
  std::map<uint64_t, uint64_t> taken_;               // offset -> bytes
  std::map<uint64_t, uint64_t> free_;                // offset -> bytes
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // of free_: bytes, offset
};

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_ARENA_H_
