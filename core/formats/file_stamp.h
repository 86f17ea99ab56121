// FileStamp: tells whether somebody has written to a file since it was opened, as far as its size and
// time of change tell. A file that is replaced by renaming is not written to.
//
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_FILE_STAMP_H_
#define MIDSTREAM_CORE_FORMATS_FILE_STAMP_H_

#include <cstdint>
#include <string>
#include <utility>

#include "core/base/status.h"

namespace midstream::formats {

class FileStamp {
 public:
  // Messages call the file `name`. Errors: what the system says about the path.
  static Result<FileStamp> Take(const std::string& path, const std::string& name);
  FileStamp(FileStamp&& other) noexcept
      : path_(std::move(other.path_)),
        descriptor_(std::exchange(other.descriptor_, -1)),
        size_(other.size_),
        changed_(other.changed_) {}
  FileStamp& operator=(FileStamp&&) = delete;
  ~FileStamp();

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }  // open for reading as long as the stamp lives
  // Errors: DATA_LOSS when it was written to.
  Status CheckUnchanged() const;

 private:
  FileStamp(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_;
  int64_t size_ = 0;
  int64_t changed_ = 0;  // nanoseconds
};

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_FILE_STAMP_H_
