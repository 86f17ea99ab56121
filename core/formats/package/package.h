// Package: an open .mspkg container: Python code, data and tensors of one model in a stored zip.
//
// Opening it checks everything before anything is handed on: the zip (stored_zip.h), the manifest,
// that the manifest lists exactly the entries that are there, and the SHA-256 of each. Tensors are
// used where they lie in one mapping of the file, which they keep alive.
//
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_PACKAGE_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_PACKAGE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/file.h"
#include "core/formats/file_mapping.h"
#include "core/formats/package/manifest.h"
#include "core/formats/package/stored_zip.h"
#include "core/graph/tensor.h"

namespace midstream::package {

// Of all files that are no tensors: they are copied into the graph of the model.
constexpr uint64_t kLargestFiles = uint64_t{256} << 20;

// Whether the name of `path` ends in .mspkg.
bool IsPackageName(std::string_view path);

struct OpenOptions {
  bool verify_tensors = true;  // compare the SHA-256 of tensors, too, which reads all of them
  formats::ReadServices services;
};

class Package {
 public:
  // Errors: NOT_FOUND and what else the system says; DATA_LOSS, INVALID_ARGUMENT or UNIMPLEMENTED,
  // one sentence naming the file and the entry.
  static Result<std::shared_ptr<const Package>> Open(const std::string& path,
                                                     const OpenOptions& options = {});

  const std::string& path() const { return mapping_->path(); }
  uint64_t size() const { return mapping_->bytes().size(); }
  const Manifest& manifest() const { return manifest_; }
  const std::vector<ZipEntry>& entries() const { return entries_; }  // in the order of the file

  // The bytes of manifest().files[index], a copy that was held to its SHA-256.
  const std::string& contents(size_t index) const { return contents_[index]; }
  // Where the bytes of manifest().tensors[index] begin in the file.
  uint64_t tensor_offset(size_t index) const { return tensors_[index]->offset; }
  // The tensor in place. Errors: DATA_LOSS when the file was written to.
  Result<Tensor> ReadTensor(size_t index) const;

  // Compares the CRC-32 of every entry, which other tools do. Errors: DATA_LOSS.
  Status CheckCrcs() const;

 private:
  Package() = default;
  Status Load(const OpenOptions& options);
  Status ReadManifest();
  Status FindEntries();
  Status CheckTensor(const StoredTensor& tensor, const ZipEntry& entry) const;
  Status CheckHashes(const OpenOptions& options) const;
  Status CheckValues() const;
  std::string_view Bytes(const ZipEntry& entry) const {
    return mapping_->bytes().substr(entry.offset, entry.size);
  }

  std::shared_ptr<const formats::FileMapping> mapping_;
  std::vector<ZipEntry> entries_;
  Manifest manifest_;
  std::vector<std::string> contents_;     // by file of the manifest
  std::vector<const ZipEntry*> tensors_;  // by tensor of the manifest; in entries_
};

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_PACKAGE_H_
