// What the importers need of files beyond core/base/file.h: reading by position, and quoting names
// that come from files.
//
// Files are read, not mapped: a trainer that truncates a mapped file would end the process.
//
// Threads: a File may be read by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_FILE_H_
#define MIDSTREAM_CORE_FORMATS_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace midstream::formats {

class File {
 public:
  // Errors: NOT_FOUND; INVALID_ARGUMENT for a directory or device; PERMISSION_DENIED.
  static Result<File> Open(const std::string& path) { return Open(path, path); }
  // The same; messages call the file `name`.
  static Result<File> Open(const std::string& path, const std::string& name);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  const std::string& path() const { return path_; }  // or the name that stands for it
  uint64_t size() const { return size_; }            // when it was opened
  // Errors: DATA_LOSS when the file ends before offset + size.
  Status ReadAt(uint64_t offset, void* to, size_t size) const;

 private:
  File(std::string path, int descriptor, uint64_t size)
      : path_(std::move(path)), descriptor_(descriptor), size_(size) {}

  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// What readers of large files may borrow from the engine; each may be empty.
struct ReadServices {
  // Runs body(0) ... body(n - 1), on several threads.
  std::function<void(uint32_t n, const std::function<void(uint32_t)>& body)> parallel_for;
  // Memory for a tensor, 64-byte aligned; null when there is none left. The engine's is recycled:
  // memory that the system hands out for the first time costs as much as reading a file into it.
  std::function<std::shared_ptr<void>(size_t bytes)> allocate;
};

// Reads `size` bytes at `offset` in pieces that stay in a core's cache while they are summed, large
// ones on several threads. Returns their CRC-32C, or 0 if !checksum. Errors: as File::ReadAt.
Result<uint32_t> ReadWithChecksum(const File& file, uint64_t offset, void* to, size_t size,
                                  bool checksum, const ReadServices& services);

bool IsFile(const std::string& path);
bool IsDirectory(const std::string& path);
// Whether anything lies there, be it a link that leads nowhere: opening it then says what is wrong.
bool Exists(const std::string& path);

// `text` in single quotes for a message: bytes that are not printable as \xNN, cut when very long.
// Names come from files and may hold anything.
std::string Quoted(std::string_view text);

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_FILE_H_
