#include "core/formats/package/writer.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/base/file_replacement.h"
#include "core/base/sha256.h"
#include "core/formats/file.h"
#include "core/formats/package/package.h"
#include "core/formats/package/zip_writer.h"

namespace midstream::package {
namespace {

using formats::Quoted;

class Writer {
 public:
  explicit Writer(const Contents& contents) : contents_(contents), order_(contents.tensors.size()) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
      return contents.tensors[a].name < contents.tensors[b].name;
    });
  }

  // Everything that can be checked before a byte is written: values may be large.
  Status Prepare() {
    manifest_ = contents_.manifest;
    manifest_.files.clear();
    manifest_.tensors.clear();
    const std::string unknown(64, '0');
    uint64_t bytes = 0;
    for (const auto& [file, content] : contents_.files) {
      const Status name = CheckEntryName(file);
      if (!name.ok()) return name.WithContext("entry " + Quoted(file));
      bytes += content.size();
      manifest_.files.push_back({file, unknown});
    }
    if (bytes > kLargestFiles) {
      return InvalidArgument("its files that are no tensors have " + std::to_string(bytes) +
                             " bytes; " + std::to_string(kLargestFiles) + " are allowed");
    }
    size_t number = 0;
    for (size_t index : order_) {
      const formats::TensorInfo& info = contents_.tensors[index];
      std::string file;
      do {
        file = "data/" + std::to_string(number++) + ".bin";
      } while (contents_.files.contains(file));
      manifest_.tensors.push_back({info.name, info.dtype, info.shape, file, unknown});
    }
    MS_RETURN_IF_ERROR(CheckManifest(manifest_));
    MS_ASSIGN_OR_RETURN(const std::string text, FormatManifest(manifest_));
    if (text.size() <= kLargestManifest) return OkStatus();
    return InvalidArgument("its manifest would have " + std::to_string(text.size()) + " bytes; " +
                           std::to_string(kLargestManifest) + " are allowed");
  }

  Status WriteTo(FileReplacement* file) {
    ZipWriter zip(file);
    for (StoredFile& stored : manifest_.files) {
      const std::string& bytes = contents_.files.at(stored.file);
      MS_ASSIGN_OR_RETURN(stored.sha256, Sha256Text(bytes));
      MS_RETURN_IF_ERROR(zip.Add(stored.file, bytes, false));
    }
    for (size_t i = 0; i < order_.size(); ++i) {
      StoredTensor& stored = manifest_.tensors[i];
      MS_ASSIGN_OR_RETURN(const Tensor tensor, formats::ReadAsTold(contents_.tensors[order_[i]],
                                                                   contents_.read, order_[i]));
      const std::string_view bytes(static_cast<const char*>(tensor.data()), tensor.byte_size());
      MS_ASSIGN_OR_RETURN(stored.sha256, Sha256Text(bytes));
      MS_RETURN_IF_ERROR(zip.Add(stored.file, bytes, true));
    }
    MS_ASSIGN_OR_RETURN(const std::string text, FormatManifest(manifest_));
    MS_RETURN_IF_ERROR(zip.Add(std::string(kManifestName), text, false));
    return zip.Finish();
  }

 private:
  static Result<std::string> Sha256Text(std::string_view bytes) {
    MS_ASSIGN_OR_RETURN(const Sha256Digest digest, Sha256Of(bytes.data(), bytes.size()));
    return Hex(digest);
  }

  const Contents& contents_;
  std::vector<size_t> order_;  // of contents_.tensors: by name
  Manifest manifest_;
};

}  // namespace

Status WritePackage(const std::string& path, const Contents& contents) {
  Writer writer(contents);
  const Status prepared = writer.Prepare();
  if (!prepared.ok()) return prepared.WithContext(path);
  MS_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Begin(path));
  MS_RETURN_IF_ERROR(writer.WriteTo(&file));
  MS_RETURN_IF_ERROR(file.Sync());
  return file.Publish();
}

}  // namespace midstream::package
