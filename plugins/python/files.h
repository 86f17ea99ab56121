// Files whose pages worker processes use as they are: the containers of models.
//
// A worker opens a file by the host's descriptor (/proc/PID/fd/N), so it sees the very file that the
// host compared, whatever has become of its path. An entry of the region's table is used again when
// nobody has its file any more: no value, and so no worker either. While all are used, values are
// copied.
// Threads: any.
#ifndef MIDSTREAM_PLUGINS_PYTHON_FILES_H_
#define MIDSTREAM_PLUGINS_PYTHON_FILES_H_

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "plugins/python/fd.h"
#include "plugins/python/region.h"

namespace midstream::python {

// A read-only mapping of a whole file.
class MappedFile {
 public:
  MappedFile(Fd file, const std::byte* data, uint64_t bytes, uint32_t index)
      : file_(std::move(file)), data_(data), bytes_(bytes), index_(index) {}
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }
  uint32_t index() const { return index_; }  // in mp_region.files
  int fd() const { return file_.get(); }

 private:
  Fd file_;
  const std::byte* data_;
  uint64_t bytes_;
  uint32_t index_;
};

class FileTable {
 public:
  explicit FileTable(Region* region) : region_(region) {}
  // Null where the file cannot be used; the caller then copies.
  std::shared_ptr<MappedFile> Open(const std::string& path);

 private:
  Region* region_;
  std::mutex mutex_;
  std::array<std::weak_ptr<MappedFile>, MP_MAX_FILES> files_;  // by index
};

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_FILES_H_
