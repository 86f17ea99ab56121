#include "core/formats/npy/npz_file.h"

#include <unordered_set>

#include "core/formats/file.h"

namespace midstream::formats {

Result<std::unique_ptr<TensorFile>> NpzFile::Open(const std::string& path,
                                                  const std::string& name) {
  MS_ASSIGN_OR_RETURN(FileStamp stamp, FileStamp::Take(path, name));
  MS_ASSIGN_OR_RETURN(Archive archive, OpenArchiveForReading(path, name));
  std::unique_ptr<NpzFile> npz(new NpzFile(std::move(stamp), std::move(archive)));
  MS_RETURN_IF_ERROR(npz->List());
  return std::unique_ptr<TensorFile>(std::move(npz));
}

Status NpzFile::List() {
  std::unordered_set<std::string> keys;
  return ForEachArray(
      archive_.get(), path(),
      [&](const std::string& key, zip_uint64_t index, const zip_stat_t& info) -> Status {
        if (!keys.insert(key).second) {
          return DataLoss(path() + " has two arrays named " + Quoted(key));
        }
        auto header = ReadMemberHeader(archive_.get(), index, info);
        if (!header.ok()) return MemberError(header.status(), path(), key);
        tensors_.push_back({key, header->dtype, header->shape});
        members_.push_back({index, info});
        return OkStatus();
      });
}

Result<Tensor> NpzFile::Read(size_t index) const {
  const Member& member = members_[index];
  std::lock_guard lock(mutex_);
  auto tensor = ReadMember(archive_.get(), member.index, member.info);
  MS_RETURN_IF_ERROR(stamp_.CheckUnchanged());  // says more than a checksum that does not match
  if (!tensor.ok()) return MemberError(tensor.status(), path(), tensors_[index].name);
  return tensor;
}

}  // namespace midstream::formats
