#include "plugins/python/region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "midstream/view.hpp"

namespace midstream::python {

namespace {

constexpr uint64_t kLeastBytes = uint64_t{1} << 30;
constexpr uint64_t kGiveBackFrom = uint64_t{8} << 20;  // smaller peaks are not worth system calls

uint64_t MachineBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return kLeastBytes;
  return std::max(kLeastBytes, static_cast<uint64_t>(pages) * static_cast<uint64_t>(page));
}

sdk::Error Failure(const std::string& what) {
  return {MS_RESOURCE_EXHAUSTED, what + ": " + std::strerror(errno)};
}

}  // namespace

Region::Region(bool for_processes, uint64_t bytes)
    : bytes_(bytes != 0 ? bytes : MachineBytes()), arena_(sizeof(mp_region), bytes_) {
  if (for_processes) {
    file_ = Fd(memfd_create("midstream_python", MFD_CLOEXEC));
    if (!file_.valid()) throw Failure("python: cannot make memory for worker processes");
    if (ftruncate(file_.get(), static_cast<off_t>(bytes_)) != 0)
      throw Failure("python: cannot size the memory for worker processes");
  }
  const int flags = MAP_NORESERVE | (for_processes ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
  void* base = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, file_.get(), 0);
  if (base == MAP_FAILED)
    throw Failure("python: cannot map " + std::to_string(bytes_) + " bytes for interpreters");
  madvise(base, bytes_, MADV_DONTDUMP);
  base_ = static_cast<std::byte*>(base);
  header().protocol = MP_PROTOCOL;
  header().absolute = absolute() ? 1 : 0;
  header().bytes = bytes_;
}

Region::~Region() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

uint64_t Region::Allocate(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  const uint64_t offset = arena_.Allocate(bytes);
  if (offset == 0) {
    throw sdk::Error(MS_RESOURCE_EXHAUSTED,
                     "python: no room for " + std::to_string(bytes) +
                         " bytes in the memory shared with interpreters, of which " +
                         std::to_string(arena_.used()) + " of " + std::to_string(arena_.room()) +
                         " are used");
  }
  return offset;
}

void Region::Free(uint64_t offset) {
  std::lock_guard lock(mutex_);
  arena_.Free(offset);
  if (arena_.peak() >= kGiveBackFrom && arena_.used() < arena_.peak() / 2) GiveBack();
}

void Region::GiveBack() {
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  for (const auto& [begin, end] : arena_.FreeRanges()) {
    const uint64_t first = (begin + page - 1) / page * page;
    const uint64_t last = end / page * page;
    if (first >= last) continue;
    if (absolute()) {
      madvise(base_ + first, last - first, MADV_DONTNEED);
    } else {
      fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(first),
                static_cast<off_t>(last - first));
    }
  }
  arena_.ForgetPeak();
}

uint64_t Region::used() const {
  std::lock_guard lock(mutex_);
  return arena_.used();
}

}  // namespace midstream::python
