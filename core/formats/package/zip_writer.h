// Writes a stored zip file as ParseStoredZip reads it: equal entries make equal bytes.
//
// Threads: one at a time.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_WRITER_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_WRITER_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/file_replacement.h"
#include "core/base/status.h"
#include "core/formats/package/stored_zip.h"

namespace midstream::package {

class ZipWriter {
 public:
  // `file` is borrowed, and nothing else writes to it.
  explicit ZipWriter(FileReplacement* file) : file_(file) {}

  // aligned: the bytes begin at a multiple of 64 in the file. Requires: a name that CheckEntryName
  // takes, not yet used. Errors: those of writing; INVALID_ARGUMENT for too many entries.
  Status Add(const std::string& name, std::string_view bytes, bool aligned);
  // The directory. Nothing may be added afterwards.
  Status Finish();

 private:
  struct Written {
    ZipEntry entry;
    uint64_t header = 0;  // where its local header lies
  };

  Status Append(std::string_view bytes);

  FileReplacement* file_;
  uint64_t at_ = 0;
  std::vector<Written> entries_;
};

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_WRITER_H_
