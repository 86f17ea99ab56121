#include "core/base/file_replacement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/base/file.h"

namespace midstream {
namespace {

constexpr int kMostAttempts = 1000;  // names that dead processes of the same number have left

std::string TemporaryName(const std::string& path) {
  static std::atomic<unsigned> count = 0;
  const std::filesystem::path full(path);
  const std::string name = "." + full.filename().string() + "." + std::to_string(getpid()) + "-" +
                           std::to_string(count++) + ".tmp";
  return (full.parent_path() / name).string();
}

Status SyncName(const std::string& path, int flags, const std::string& shown) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0) return ErrnoStatus(errno, shown);
  const bool synced = fsync(descriptor) == 0;
  const int error = errno;
  close(descriptor);
  return synced ? OkStatus() : ErrnoStatus(error, shown);
}

}  // namespace

Result<FileReplacement> FileReplacement::Begin(const std::string& path) {
  std::string target = path;
  struct stat old;
  const bool exists = stat(path.c_str(), &old) == 0;
  if (exists) {
    if (!S_ISREG(old.st_mode))
      return InvalidArgument(path + ": is there and is not a regular file");
    std::error_code error;
    target = std::filesystem::canonical(path, error).string();
    if (error) return ErrnoStatus(error.value(), path);
  } else if (errno != ENOENT) {
    return ErrnoStatus(errno, path);
  }
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    std::string temporary = TemporaryName(target);
    const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EEXIST) continue;
    if (descriptor < 0) return ErrnoStatus(errno, path);
    FileReplacement file(std::move(target), std::move(temporary), descriptor);
    if (exists && fchmod(descriptor, old.st_mode & 07777) != 0) return ErrnoStatus(errno, path);
    return file;
  }
  return ErrnoStatus(EEXIST, path + ": temporary files of this name");
}

FileReplacement::FileReplacement(FileReplacement&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

FileReplacement& FileReplacement::operator=(FileReplacement&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileReplacement::~FileReplacement() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Status FileReplacement::Append(const void* data, size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = write(descriptor_, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, path_);
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return OkStatus();
}

Status FileReplacement::Sync() {
  const bool closed = close(std::exchange(descriptor_, -1)) == 0;
  if (!closed) return ErrnoStatus(errno, path_);
  // By name: another library may have put a new file there.
  return SyncName(temporary_, 0, path_);
}

Status FileReplacement::Publish() {
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return ErrnoStatus(errno, path_);
  temporary_.clear();
  return SyncFolderOf(path_).WithContext(path_ + " was replaced, but its folder cannot be synced");
}

Status SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return SyncName(folder.empty() ? "." : folder, O_DIRECTORY, folder);
}

}  // namespace midstream
