#include "core/formats/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/file.h"

namespace midstream::formats {
namespace {

constexpr size_t kLongestQuote = 160;
constexpr size_t kPiece = size_t{256} << 10;  // fits a core's cache beside what is packed from it
constexpr size_t kShare = size_t{4} << 20;    // what one thread takes at a time

Result<uint32_t> ReadPieces(const File& file, uint64_t offset, char* to, size_t size,
                            bool checksum) {
  uint32_t crc = 0;
  for (size_t at = 0; at < size; at += kPiece) {
    size_t piece = std::min(kPiece, size - at);
    MS_RETURN_IF_ERROR(file.ReadAt(offset + at, to + at, piece));
    if (checksum) crc = ExtendCrc32c(crc, to + at, piece);
  }
  return crc;
}

bool HasMode(const std::string& path, mode_t mode) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IFMT) == mode;
}

}  // namespace

Result<File> File::Open(const std::string& path, const std::string& name) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return ErrnoStatus(errno, name);
  File file(name, descriptor, 0);
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return ErrnoStatus(errno, name);
  if (S_ISDIR(info.st_mode)) return InvalidArgument(name + " is a directory, not a file");
  if (!S_ISREG(info.st_mode)) return InvalidArgument(name + " is not a regular file");
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

Result<uint32_t> ReadWithChecksum(const File& file, uint64_t offset, void* to, size_t size,
                                  bool checksum, const ReadServices& services) {
  auto* bytes = static_cast<char*>(to);
  if (!services.parallel_for || size < 2 * kShare) {
    return ReadPieces(file, offset, bytes, size, checksum);
  }
  const size_t shares = (size + kShare - 1) / kShare;
  std::vector<Result<uint32_t>> sums(shares, Result<uint32_t>(0u));
  services.parallel_for(static_cast<uint32_t>(shares), [&](uint32_t share) {
    size_t at = share * kShare;
    sums[share] = ReadPieces(file, offset + at, bytes + at, std::min(kShare, size - at), checksum);
  });
  uint32_t crc = 0;
  for (size_t share = 0; share < shares; ++share) {
    MS_ASSIGN_OR_RETURN(uint32_t sum, sums[share]);
    if (checksum) crc = CombineCrc32c(crc, sum, std::min(kShare, size - share * kShare));
  }
  return crc;
}

bool IsFile(const std::string& path) { return HasMode(path, S_IFREG); }
bool IsDirectory(const std::string& path) { return HasMode(path, S_IFDIR); }
bool Exists(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0;
}

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
