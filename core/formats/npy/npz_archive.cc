#include "core/formats/npy/npz_archive.h"

#include <string_view>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/npy/npy_codec.h"

namespace midstream::formats {
namespace {

constexpr std::string_view kExtension = ".npy";
// Deflate cannot shrink by more; a member that claims more is damaged or a bomb.
constexpr uint64_t kLargestGrowth = 1032;
constexpr uint64_t kLargestInflated = uint64_t{8} << 30;

using Member = std::unique_ptr<zip_file_t, void (*)(zip_file_t*)>;

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

// Reading the end makes libzip compare the checksum.
Status CheckEnd(zip_file_t* member) {
  char beyond;
  const zip_int64_t got = zip_fread(member, &beyond, 1);
  if (got < 0) return DataLoss(zip_file_strerror(member));
  if (got > 0) return DataLoss("it is longer than the archive's directory says");
  return OkStatus();
}

Result<Member> OpenMember(zip_t* archive, zip_uint64_t index, const zip_stat_t& info) {
  MS_RETURN_IF_ERROR(CheckMember(info));
  Member member(zip_fopen_index(archive, index, 0), [](zip_file_t* file) { zip_fclose(file); });
  if (member == nullptr) return DataLoss(zip_strerror(archive));
  return member;
}

}  // namespace

Result<Archive> OpenArchive(const std::string& path, const std::string& name, int flags) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), flags, &code);
  if (archive != nullptr) return Archive(archive, zip_discard);
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string message = name + ": " + zip_error_strerror(&error);
  zip_error_fini(&error);
  return DataLoss(std::move(message));
}

Result<Archive> OpenArchiveForReading(const std::string& path, const std::string& name) {
  MS_ASSIGN_OR_RETURN(const File file, File::Open(path, name));
  if (file.size() == 0) return DataLoss(name + ": an empty file is no .npz archive");
  return OpenArchive(path, name, ZIP_RDONLY);
}

Status ForEachArray(zip_t* archive, const std::string& path, const VisitArray& visit) {
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

Result<NpyHeader> ReadMemberHeader(zip_t* archive, zip_uint64_t index, const zip_stat_t& info) {
  MS_ASSIGN_OR_RETURN(Member member, OpenMember(archive, index, info));
  return DecodeNpyHeader(
      info.size, [&](void* to, size_t size) { return ReadExactly(member.get(), to, size); });
}

Result<Tensor> ReadMember(zip_t* archive, zip_uint64_t index, const zip_stat_t& info) {
  MS_ASSIGN_OR_RETURN(Member member, OpenMember(archive, index, info));
  MS_ASSIGN_OR_RETURN(Tensor tensor, DecodeNpy(info.size, [&](void* to, size_t size) {
                        return ReadExactly(member.get(), to, size);
                      }));
  MS_RETURN_IF_ERROR(CheckEnd(member.get()));
  return tensor;
}

Result<std::string> ReadMemberText(zip_t* archive, zip_uint64_t index, const zip_stat_t& info) {
  MS_ASSIGN_OR_RETURN(Member member, OpenMember(archive, index, info));
  MS_ASSIGN_OR_RETURN(std::string text, DecodeNpyText(info.size, [&](void* to, size_t size) {
                        return ReadExactly(member.get(), to, size);
                      }));
  MS_RETURN_IF_ERROR(CheckEnd(member.get()));
  return text;
}

Status MemberError(const Status& status, const std::string& path, const std::string& key) {
  return status.WithContext(path + ": array " + Quoted(key));
}

}  // namespace midstream::formats
