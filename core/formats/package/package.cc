#include "core/formats/package/package.h"

#include <algorithm>

#include "core/base/sha256.h"
#include "core/formats/package/zip_format.h"

namespace midstream::package {
namespace {

using formats::Quoted;

Status OfEntry(const Status& status, const std::string& name) {
  return status.WithContext("entry " + Quoted(name));
}

Status CheckSha256(std::string_view bytes, const std::string& file, const std::string& expected) {
  MS_ASSIGN_OR_RETURN(const Sha256Digest digest, Sha256Of(bytes.data(), bytes.size()));
  if (Hex(digest) == expected) return OkStatus();
  return OfEntry(DataLoss("its SHA-256 is " + Hex(digest) + "; the manifest has " + expected),
                 file);
}

}  // namespace

bool IsPackageName(std::string_view path) { return path.ends_with(".mspkg"); }

Result<std::shared_ptr<const Package>> Package::Open(const std::string& path,
                                                     const OpenOptions& options) {
  std::shared_ptr<Package> package(new Package());
  MS_ASSIGN_OR_RETURN(package->mapping_, formats::FileMapping::Open(path, path));
  const Status loaded = package->Load(options);
  // What was written to meanwhile explains every other finding.
  MS_RETURN_IF_ERROR(package->mapping_->CheckUnchanged());
  if (!loaded.ok()) return loaded.WithContext(path);
  return std::shared_ptr<const Package>(std::move(package));
}

Status Package::Load(const OpenOptions& options) {
  MS_ASSIGN_OR_RETURN(entries_, ParseStoredZip(mapping_->bytes()));
  MS_RETURN_IF_ERROR(ReadManifest());
  MS_RETURN_IF_ERROR(FindEntries());
  MS_RETURN_IF_ERROR(CheckHashes(options));
  return CheckValues();
}

Status Package::ReadManifest() {
  if (entries_.empty() || entries_.back().name != kManifestName) {
    const bool there = std::any_of(entries_.begin(), entries_.end(),
                                   [](const auto& entry) { return entry.name == kManifestName; });
    return DataLoss(there ? "manifest.json is not its last entry" : "has no manifest.json");
  }
  const ZipEntry& entry = entries_.back();
  if (entry.size > kLargestManifest) {
    return OfEntry(DataLoss("has " + std::to_string(entry.size) + " bytes; " +
                            std::to_string(kLargestManifest) + " are allowed"),
                   entry.name);
  }
  const std::string text(Bytes(entry));
  if (Crc32(text) != entry.crc) return OfEntry(DataLoss("its CRC-32 does not match"), entry.name);
  auto manifest = ParseManifest(text);
  if (!manifest.ok()) return manifest.status().WithContext(entry.name);
  manifest_ = *std::move(manifest);
  return OkStatus();
}

Status Package::CheckTensor(const StoredTensor& tensor, const ZipEntry& entry) const {
  MS_ASSIGN_OR_RETURN(const size_t size, ByteSize(tensor.dtype, tensor.shape));
  if (entry.size != size) {
    return DataLoss("tensor " + Quoted(tensor.name) + " is " +
                    std::string(DTypeName(tensor.dtype)) + tensor.shape.ToString() +
                    ", which has " + std::to_string(size) + " bytes; the entry has " +
                    std::to_string(entry.size));
  }
  if (entry.offset % zip::kAlignment == 0) return OkStatus();
  return DataLoss("tensor " + Quoted(tensor.name) + " begins at " + std::to_string(entry.offset) +
                  ", which is no multiple of " + std::to_string(zip::kAlignment));
}

Status Package::FindEntries() {
  std::map<std::string_view, const ZipEntry*> by_name;
  for (const ZipEntry& entry : entries_) by_name.emplace(entry.name, &entry);
  std::map<std::string_view, bool> listed;
  const auto find = [&](const std::string& file) -> Result<const ZipEntry*> {
    const auto at = by_name.find(file);
    if (at == by_name.end() || file == kManifestName) {
      return DataLoss("entry " + Quoted(file) + " is in the manifest and not in the file");
    }
    listed[at->first] = true;
    return at->second;
  };
  uint64_t bytes = 0;
  for (const StoredFile& file : manifest_.files) {
    MS_ASSIGN_OR_RETURN(const ZipEntry* entry, find(file.file));
    bytes += entry->size;  // of entries that are apart: no more than the file has
    if (bytes > kLargestFiles) {
      return DataLoss("its files that are no tensors have more than " +
                      std::to_string(kLargestFiles) + " bytes");
    }
    contents_.emplace_back(Bytes(*entry));
  }
  for (const StoredTensor& tensor : manifest_.tensors) {
    MS_ASSIGN_OR_RETURN(const ZipEntry* entry, find(tensor.file));
    const Status fits = CheckTensor(tensor, *entry);
    if (!fits.ok()) return OfEntry(fits, tensor.file);
    tensors_.push_back(entry);
  }
  for (const ZipEntry& entry : entries_) {
    if (entry.name == kManifestName || listed.contains(entry.name)) continue;
    return DataLoss("entry " + Quoted(entry.name) + " is not in the manifest");
  }
  return OkStatus();
}

Status Package::CheckHashes(const OpenOptions& options) const {
  const size_t files = contents_.size();
  const size_t count = files + (options.verify_tensors ? tensors_.size() : 0);
  std::vector<Status> results(count);
  const auto check = [&](uint32_t i) {
    if (i < files) {
      results[i] = CheckSha256(contents_[i], manifest_.files[i].file, manifest_.files[i].sha256);
    } else {
      const StoredTensor& tensor = manifest_.tensors[i - files];
      results[i] = CheckSha256(Bytes(*tensors_[i - files]), tensor.file, tensor.sha256);
    }
  };
  if (options.services.parallel_for) {
    options.services.parallel_for(static_cast<uint32_t>(count), check);
  } else {
    for (uint32_t i = 0; i < count; ++i) check(i);
  }
  for (const Status& result : results) MS_RETURN_IF_ERROR(result);
  return OkStatus();
}

// A bool is 0 or 1; other values would behave as none in the engine.
Status Package::CheckValues() const {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (manifest_.tensors[i].dtype != DType::kBool) continue;
    const std::string_view bytes = Bytes(*tensors_[i]);
    if (std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0 || c == 1; })) continue;
    return OfEntry(DataLoss("tensor " + Quoted(manifest_.tensors[i].name) +
                            " has a value that is neither true nor false"),
                   manifest_.tensors[i].file);
  }
  return OkStatus();
}

Result<Tensor> Package::ReadTensor(size_t index) const {
  MS_RETURN_IF_ERROR(mapping_->CheckUnchanged());
  const StoredTensor& tensor = manifest_.tensors[index];
  return Tensor::Wrap(tensor.dtype, tensor.shape, Bytes(*tensors_[index]).data(), mapping_);
}

Status Package::CheckCrcs() const {
  for (const ZipEntry& entry : entries_) {
    if (Crc32(Bytes(entry)) == entry.crc) continue;
    return OfEntry(DataLoss("its CRC-32 does not match"), entry.name).WithContext(path());
  }
  return mapping_->CheckUnchanged();
}

}  // namespace midstream::package
