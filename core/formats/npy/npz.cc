#include "core/formats/npy/npz.h"

#include <zip.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/npy/npy_codec.h"

namespace midstream::formats {
namespace {

constexpr std::string_view kExtension = ".npy";
constexpr zip_uint16_t kFirstOfJanuary1980 = 33;  // as MS-DOS writes it
// Deflate cannot shrink by more; a member that claims more is damaged or a bomb.
constexpr uint64_t kLargestGrowth = 1032;
constexpr size_t kMostListed = 20;  // in a message
constexpr uint64_t kLargestInflated = uint64_t{8} << 30;

using Archive = std::unique_ptr<zip_t, void (*)(zip_t*)>;
using Member = std::unique_ptr<zip_file_t, void (*)(zip_file_t*)>;

Result<Archive> OpenArchive(const std::string& path, int flags) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), flags, &code);
  if (archive != nullptr) return Archive(archive, zip_discard);
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string message = path + ": " + zip_error_strerror(&error);
  zip_error_fini(&error);
  return DataLoss(std::move(message));
}

Result<Archive> OpenForReading(const std::string& path) {
  MS_ASSIGN_OR_RETURN(uint64_t size, FileSize(path));
  if (size == 0) return DataLoss(path + ": an empty file is no .npz archive");
  return OpenArchive(path, ZIP_RDONLY);
}

Status CheckMember(const zip_stat_t& info) {
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((info.valid & kNeeded) != kNeeded) return DataLoss("its directory entry is incomplete");
  if (info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE) {
    return Unimplemented("it is compressed by method " + std::to_string(info.comp_method) +
                         "; stored and deflated members are read");
  }
  if (info.comp_method == ZIP_CM_DEFLATE &&
      (info.size / kLargestGrowth > info.comp_size || info.size > kLargestInflated)) {
    return DataLoss("it claims to grow from " + std::to_string(info.comp_size) + " to " +
                    std::to_string(info.size) + " bytes");
  }
  return OkStatus();
}

Status ReadExactly(zip_file_t* member, void* to, size_t size) {
  auto* out = static_cast<char*>(to);
  while (size > 0) {
    zip_int64_t got = zip_fread(member, out, size);
    if (got < 0) return DataLoss(zip_file_strerror(member));
    if (got == 0) return DataLoss("it ends too early");
    out += got;
    size -= static_cast<size_t>(got);
  }
  return OkStatus();
}

Result<Tensor> ReadMember(zip_t* archive, zip_uint64_t idx, const zip_stat_t& info) {
  MS_RETURN_IF_ERROR(CheckMember(info));
  Member member(zip_fopen_index(archive, idx, 0), [](zip_file_t* file) { zip_fclose(file); });
  if (member == nullptr) return DataLoss(zip_strerror(archive));
  MS_ASSIGN_OR_RETURN(Tensor tensor, DecodeNpy(info.size, [&](void* to, size_t size) {
                        return ReadExactly(member.get(), to, size);
                      }));
  char beyond;  // reading the end makes libzip compare the checksum
  zip_int64_t got = zip_fread(member.get(), &beyond, 1);
  if (got < 0) return DataLoss(zip_file_strerror(member.get()));
  if (got > 0) return DataLoss("it is longer than the archive's directory says");
  return tensor;
}

// Calls `visit(key, index, info)` for every array until it returns an error or true.
template <typename Visit>
Status ForEachArray(zip_t* archive, const std::string& path, Visit visit) {
  zip_int64_t count = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    auto idx = static_cast<zip_uint64_t>(i);
    if (zip_stat_index(archive, idx, 0, &info) != 0 || !(info.valid & ZIP_STAT_NAME)) {
      return DataLoss(path + ": " + zip_strerror(archive));
    }
    std::string_view name = info.name;
    if (!name.ends_with(kExtension)) continue;
    name.remove_suffix(kExtension.size());
    MS_RETURN_IF_ERROR(visit(std::string(name), idx, info));
  }
  return OkStatus();
}

Status MemberError(const Status& status, const std::string& path, const std::string& key) {
  return status.WithContext(path + ": array " + Quoted(key));
}

}  // namespace

Result<NamedTensors> ReadNpz(const std::string& path) {
  MS_ASSIGN_OR_RETURN(Archive archive, OpenForReading(path));
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
  MS_ASSIGN_OR_RETURN(Archive archive, OpenForReading(path));
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
  MS_ASSIGN_OR_RETURN(Archive archive, OpenArchive(path, ZIP_CREATE | ZIP_TRUNCATE));
  auto failed = [&] {
    return Status(Code::kUnavailable, path + ": " + zip_strerror(archive.get()));
  };
  for (size_t i = 0; i < tensors.size(); ++i) {
    zip_source_t* source =
        zip_source_buffer(archive.get(), contents[i].data(), contents[i].size(), 0);
    if (source == nullptr) return failed();
    std::string name = tensors[i].first + std::string(kExtension);
    zip_int64_t added = zip_file_add(archive.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (added < 0) {
      zip_source_free(source);
      return failed();
    }
    auto idx = static_cast<zip_uint64_t>(added);
    if (zip_set_file_compression(archive.get(), idx, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive.get(), idx, 0, kFirstOfJanuary1980, 0) != 0) {
      return failed();
    }
  }
  if (zip_close(archive.get()) != 0) return failed();
  archive.release();  // closing has freed it
  return OkStatus();
}

}  // namespace midstream::formats
