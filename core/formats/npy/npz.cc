#include "core/formats/npy/npz.h"

#include <zip.h>

#include <set>
#include <string_view>

#include "core/base/file_replacement.h"
#include "core/formats/file.h"
#include "core/formats/npy/npy_codec.h"
#include "core/formats/npy/npz_archive.h"

namespace midstream::formats {
namespace {

constexpr zip_uint16_t kFirstOfJanuary1980 = 33;  // as MS-DOS writes it
constexpr size_t kMostListed = 20;                // in a message

// `bytes` must stay until the archive is closed. False: the archive has the error.
bool AddMember(zip_t* archive, const std::string& key, const std::string& bytes) {
  zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  if (source == nullptr) return false;
  const std::string name = key + ".npy";
  const zip_int64_t added = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (added < 0) {
    zip_source_free(source);
    return false;
  }
  const auto index = static_cast<zip_uint64_t>(added);
  return zip_set_file_compression(archive, index, ZIP_CM_STORE, 0) == 0 &&
         zip_file_set_dostime(archive, index, 0, kFirstOfJanuary1980, 0) == 0;
}

}  // namespace

Result<NamedTensors> ReadNpz(const std::string& path) {
  MS_ASSIGN_OR_RETURN(Archive archive, OpenArchiveForReading(path, path));
  NamedTensors tensors;
  std::set<std::string> keys;
  MS_RETURN_IF_ERROR(
      ForEachArray(archive.get(), path,
                   [&](const std::string& key, zip_uint64_t idx, const zip_stat_t& info) -> Status {
                     if (!keys.insert(key).second) {
                       return DataLoss(path + " has two arrays named " + Quoted(key));
                     }
                     auto tensor = ReadMember(archive.get(), idx, info);
                     if (!tensor.ok()) return MemberError(tensor.status(), path, key);
                     tensors.emplace_back(key, *std::move(tensor));
                     return OkStatus();
                   }));
  return tensors;
}

Result<Tensor> ReadNpzMember(const std::string& path, const std::string& key) {
  MS_ASSIGN_OR_RETURN(Archive archive, OpenArchiveForReading(path, path));
  Tensor found;
  bool seen = false;
  std::string others;
  size_t other_count = 0;
  MS_RETURN_IF_ERROR(ForEachArray(
      archive.get(), path,
      [&](const std::string& name, zip_uint64_t idx, const zip_stat_t& info) -> Status {
        if (name != key) {
          if (++other_count <= kMostListed) others += (others.empty() ? "" : ", ") + Quoted(name);
          return OkStatus();
        }
        if (seen) return DataLoss(path + " has two arrays named " + Quoted(key));
        seen = true;
        auto tensor = ReadMember(archive.get(), idx, info);
        if (!tensor.ok()) return MemberError(tensor.status(), path, key);
        found = *std::move(tensor);
        return OkStatus();
      }));
  if (seen) return found;
  if (other_count > kMostListed)
    others += " and " + std::to_string(other_count - kMostListed) + " more";
  return NotFound(path + " has no array " + Quoted(key) + "; it has " +
                  (others.empty() ? "none" : others));
}

Status WriteNpz(const std::string& path, const NamedTensors& tensors) {
  std::vector<std::string> contents;  // libzip reads them when the archive is closed
  std::set<std::string_view> keys;
  for (const auto& [key, tensor] : tensors) {
    if (!keys.insert(key).second) {
      return InvalidArgument(path + ": two arrays are named " + Quoted(key));
    }
    auto bytes = EncodeNpy(tensor);
    if (!bytes.ok()) return MemberError(bytes.status(), path, key);
    contents.push_back(*std::move(bytes));
  }
  // libzip keeps no empty archives.
  if (tensors.empty()) return InvalidArgument(path + ": there is no array to write");
  MS_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Begin(path));
  MS_ASSIGN_OR_RETURN(Archive archive,
                      OpenArchive(file.temporary_path(), path, ZIP_CREATE | ZIP_TRUNCATE));
  bool written = true;
  for (size_t i = 0; written && i < tensors.size(); ++i) {
    written = AddMember(archive.get(), tensors[i].first, contents[i]);
  }
  if (!written || zip_close(archive.get()) != 0) {
    return {Code::kUnavailable, path + ": " + zip_strerror(archive.get())};
  }
  archive.release();  // closing has freed it
  MS_RETURN_IF_ERROR(file.Sync());
  return file.Publish();
}

}  // namespace midstream::formats
