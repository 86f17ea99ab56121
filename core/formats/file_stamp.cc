#include "core/formats/file_stamp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/file.h"

namespace midstream::formats {
namespace {

int64_t ChangeTime(const struct stat& info) {
  return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

}  // namespace

Result<FileStamp> FileStamp::Take(const std::string& path, const std::string& name) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  FileStamp stamp(name, ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (stamp.descriptor_ < 0 || ::fstat(stamp.descriptor_, &info) != 0) {
    return ErrnoStatus(errno, name);
  }
  stamp.size_ = info.st_size;
  stamp.changed_ = ChangeTime(info);
  return stamp;
}

FileStamp::~FileStamp() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status FileStamp::CheckUnchanged() const {
  struct stat info;
  if (::fstat(descriptor_, &info) != 0) return ErrnoStatus(errno, path_);
  if (info.st_size == size_ && ChangeTime(info) == changed_) return OkStatus();
  return DataLoss(path_ + " was written to while it was being read");
}

}  // namespace midstream::formats
