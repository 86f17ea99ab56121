// Writes packages. Equal contents make equal bytes, whatever order they are given in.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_WRITER_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_WRITER_H_

#include <map>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/package/manifest.h"
#include "core/formats/tensor_file.h"

namespace midstream::package {

struct Contents {
  Manifest manifest;                         // its tensors and files are filled by the writer
  std::map<std::string, std::string> files;  // "code/policy.py" -> bytes
  std::vector<formats::TensorInfo> tensors;
  formats::TensorProvider read;  // of tensors
};

// Replaces `path` when the whole package is on the disk. Tensors are read one at a time. Errors:
// those of CheckManifest, CheckEntryName and `read`, naming the path; what the system says about it.
// In every case but success the old file is still there.
Status WritePackage(const std::string& path, const Contents& contents);

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_WRITER_H_
