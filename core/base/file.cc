#include "core/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace midstream {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<uint64_t> RegularFileSize(const struct stat& info, const std::string& path) {
  if (S_ISDIR(info.st_mode)) return InvalidArgument(path + ": is a directory, not a file");
  if (!S_ISREG(info.st_mode)) return InvalidArgument(path + ": is not a regular file");
  return static_cast<uint64_t>(info.st_size);
}

}  // namespace

Status ErrnoStatus(int error, std::string_view path) {
  Code code = Code::kUnavailable;
  if (error == ENOENT || error == ENOTDIR) code = Code::kNotFound;
  if (error == EACCES || error == EPERM) code = Code::kPermissionDenied;
  // ENXIO: a socket, or a device that is not there.
  if (error == ENAMETOOLONG || error == ELOOP || error == EINVAL || error == ENXIO) {
    code = Code::kInvalidArgument;
  }
  if (error == EIO) code = Code::kDataLoss;
  if (error == ENOMEM || error == EMFILE || error == ENFILE) code = Code::kResourceExhausted;
  return {code, std::string(path) + ": " + std::generic_category().message(error)};
}

Result<uint64_t> FileSize(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  return RegularFileSize(info, path);
}

Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return ErrnoStatus(errno, path);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return ErrnoStatus(errno, path);
  MS_ASSIGN_OR_RETURN(const uint64_t size, RegularFileSize(info, path));
  if (size > max_bytes) {
    return InvalidArgument(path + ": has " + std::to_string(size) + " bytes, at most " +
                           std::to_string(max_bytes) + " are allowed here");
  }
  std::string text(size, '\0');
  uint64_t done = 0;
  while (done < size) {
    const ssize_t count = read(file.get(), text.data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, path);
    if (count == 0) return DataLoss(path + ": became shorter while it was read");
    done += static_cast<uint64_t>(count);
  }
  return text;
}

std::string AbsolutePath(std::string_view path, std::string_view base) {
  return (std::filesystem::path(base) / path).lexically_normal().string();
}

Result<std::string> AbsolutePath(std::string_view path) {
  std::error_code error;
  const auto base = std::filesystem::current_path(error);
  if (error) return ErrnoStatus(error.value(), "the working directory");
  return AbsolutePath(path, base.string());
}

}  // namespace midstream
