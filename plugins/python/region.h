// Region: the memory of protocol.h that a pool and its interpreters share.
//
// It is as large as the machine's memory, and sparse: only what is touched takes any. For worker
// processes it is a memfd, for interpreters of this process it is private memory. Blocks below
// Allocate have undefined content. Pages that stay unused are given back to the system once less
// than half of what was in use at most is in use, so a steady stream of updates costs no page
// faults.
//
// Threads: any. Errors: thrown as sdk::Error, MS_RESOURCE_EXHAUSTED when there is no room.
#ifndef MIDSTREAM_PLUGINS_PYTHON_REGION_H_
#define MIDSTREAM_PLUGINS_PYTHON_REGION_H_

#include <cstddef>
#include <mutex>

#include "plugins/python/arena.h"
#include "plugins/python/fd.h"
#include "plugins/python/protocol.h"

namespace midstream::python {

class Region {
 public:
  // for_processes: other processes can map it, and tensors in jobs are offsets. bytes 0: as the
  // machine's memory.
  explicit Region(bool for_processes, uint64_t bytes = 0);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  mp_region& header() const { return *reinterpret_cast<mp_region*>(base_); }
  bool absolute() const { return !file_.valid(); }
  int fd() const { return file_.get(); }
  uint64_t bytes() const { return bytes_; }

  uint64_t Allocate(uint64_t bytes);
  void Free(uint64_t offset);
  std::byte* At(uint64_t offset) const { return base_ + offset; }
  // mp_tensor.at of memory: of an address anywhere, or of an offset in this region.
  uint64_t Reference(uint64_t offset) const {
    return absolute() ? reinterpret_cast<uint64_t>(base_ + offset) : offset;
  }
  uint64_t used() const;

 private:
  void GiveBack();  // requires: mutex_ is held

  Fd file_;
  std::byte* base_ = nullptr;
  uint64_t bytes_ = 0;
  mutable std::mutex mutex_;
  Arena arena_;
};

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_REGION_H_
