// FileMapping: a whole file, mapped for reading, for formats whose bytes are used where they lie.
//
// All who map one file share its pages. The price: a file that is cut off while it is mapped ends
// whoever reads the part that is gone, so such a file is replaced by renaming and never written in
// place. CheckUnchanged() finds what was written before it is called.
//
// Threads: const methods may be called by several threads at once. The mapping lives as long as the
// object: share it with all that looks into it.
#ifndef MIDSTREAM_CORE_FORMATS_FILE_MAPPING_H_
#define MIDSTREAM_CORE_FORMATS_FILE_MAPPING_H_

#include <memory>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/formats/file_stamp.h"

namespace midstream::formats {

class FileMapping {
 public:
  // Messages call the file `name`. Errors: NOT_FOUND; INVALID_ARGUMENT for a directory or device;
  // PERMISSION_DENIED; RESOURCE_EXHAUSTED.
  static Result<std::shared_ptr<const FileMapping>> Open(const std::string& path,
                                                         const std::string& name);
  ~FileMapping();
  FileMapping(const FileMapping&) = delete;
  FileMapping& operator=(const FileMapping&) = delete;

  const std::string& path() const { return stamp_.path(); }
  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }
  // Errors: DATA_LOSS when it was written to.
  Status CheckUnchanged() const { return stamp_.CheckUnchanged(); }

 private:
  explicit FileMapping(FileStamp stamp) : stamp_(std::move(stamp)) {}

  FileStamp stamp_;
  void* data_ = nullptr;  // null: the file is empty
  size_t size_ = 0;
};

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_FILE_MAPPING_H_
