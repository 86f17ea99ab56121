#include "plugins/python/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

namespace midstream::python {

MappedFile::~MappedFile() { munmap(const_cast<std::byte*>(data_), bytes_); }

std::shared_ptr<MappedFile> FileTable::Open(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file.valid() || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0)
    return nullptr;
  std::lock_guard lock(mutex_);
  uint32_t index = MP_MAX_FILES;
  for (uint32_t i = 0; i < MP_MAX_FILES; ++i) {
    auto known = files_[i].lock();
    struct stat other {};
    if (known == nullptr) {
      index = std::min(index, i);
    } else if (fstat(known->fd(), &other) == 0 && other.st_dev == info.st_dev &&
               other.st_ino == info.st_ino) {
      return known;
    }
  }
  if (index == MP_MAX_FILES) return nullptr;
  const auto bytes = static_cast<uint64_t>(info.st_size);
  void* data = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return nullptr;
  char* entry = region_->header().files[index].path;
  std::snprintf(entry, sizeof(mp_file::path), "/proc/%d/fd/%d", getpid(), file.get());
  auto mapped =
      std::make_shared<MappedFile>(std::move(file), static_cast<std::byte*>(data), bytes, index);
  files_[index] = mapped;
  return mapped;
}

}  // namespace midstream::python
