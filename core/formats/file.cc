#include "core/formats/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/file.h"

namespace midstream::formats {
namespace {

constexpr size_t kLongestQuote = 160;

bool HasMode(const std::string& path, mode_t mode) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IFMT) == mode;
}

}  // namespace

Result<File> File::Open(const std::string& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return ErrnoStatus(errno, path);
  File file(path, descriptor, 0);
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return ErrnoStatus(errno, path);
  if (!S_ISREG(info.st_mode)) return InvalidArgument(path + " is not a regular file");
  file.size_ = static_cast<uint64_t>(info.st_size);
  return file;
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status File::ReadAt(uint64_t offset, void* to, size_t size) const {
  if (offset > size_ || size > size_ - offset) {
    return DataLoss(path_ + " ends too early: it has " + std::to_string(size_) + " bytes, " +
                    std::to_string(size) + " are needed at " + std::to_string(offset));
  }
  auto* out = static_cast<char*>(to);
  while (size > 0) {
    ssize_t got = ::pread(descriptor_, out, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, path_);
    if (got == 0) return DataLoss(path_ + " was truncated while it was being read");
    out += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
  return OkStatus();
}

bool IsFile(const std::string& path) { return HasMode(path, S_IFREG); }
bool IsDirectory(const std::string& path) { return HasMode(path, S_IFDIR); }

std::string Quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "'";
  for (char c : text.substr(0, kLongestQuote)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  if (text.size() > kLongestQuote) out += "...";
  return out + "'";
}

}  // namespace midstream::formats
