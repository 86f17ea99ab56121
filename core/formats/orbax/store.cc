#include "core/formats/orbax/store.h"

#include "core/base/file.h"

namespace midstream::orbax {
namespace {

using formats::File;
using formats::Quoted;

class FolderStore : public Store {
 public:
  explicit FolderStore(std::string folder) : folder_(std::move(folder)) {}

  // Keys are made of names in _METADATA, which may hold anything.
  Result<Value> Find(const std::string& key) const override {
    const std::string path = folder_ + "/" + key;
    if (key.find('\0') != key.npos || ("/" + key + "/").find("/../") != key.npos) {
      return DataLoss(folder_ + ": the key " + Quoted(key) + " leads out of the folder");
    }
    if (!formats::IsFile(path)) return NotFound(path + " is not there");
    MS_ASSIGN_OR_RETURN(auto file, DataFile::Find(path));
    const uint64_t size = file->size();
    return Value{"", std::move(file), 0, size};
  }

 private:
  std::string folder_;
};

}  // namespace

Result<std::shared_ptr<const DataFile>> DataFile::Find(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));
  return std::shared_ptr<const DataFile>(new DataFile(path, size));
}

Result<std::shared_ptr<const File>> DataFile::Use() const {
  std::lock_guard lock(mutex_);
  std::shared_ptr<const File> file = open_.lock();
  if (file != nullptr) return file;
  MS_ASSIGN_OR_RETURN(File opened, File::Open(path_));
  if (opened.size() != size_) {
    return DataLoss(path_ + " had " + std::to_string(size_) +
                    " bytes when the checkpoint was opened and has " +
                    std::to_string(opened.size()) + " now");
  }
  file = std::make_shared<const File>(std::move(opened));
  open_ = file;
  return file;
}

std::unique_ptr<Store> OpenFolder(const std::string& folder) {
  return std::make_unique<FolderStore>(folder);
}

Result<std::string> ReadValue(const Value& value, size_t most) {
  if (value.size > most) {
    return DataLoss("has " + std::to_string(value.size) + " bytes; " + std::to_string(most) +
                    " are allowed");
  }
  if (value.file == nullptr) return value.bytes;
  MS_ASSIGN_OR_RETURN(auto file, value.file->Use());
  std::string bytes(static_cast<size_t>(value.size), '\0');
  MS_RETURN_IF_ERROR(file->ReadAt(value.offset, bytes.data(), bytes.size()));
  return bytes;
}

}  // namespace midstream::orbax
