#include "core/formats/package/torch_package.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>

#include "core/formats/file.h"
#include "core/formats/npy/npz_archive.h"
#include "core/formats/package/package.h"
#include "core/formats/package/pickle.h"
#include "core/formats/package/torch_tensors.h"

namespace midstream::package {
namespace {

using formats::Quoted;

constexpr uint64_t kLargestText = uint64_t{1} << 20;  // a list of modules, a version

// A zip whose entries are stored; messages name the entry. Threads: any.
class StoredArchive {
 public:
  static Result<std::shared_ptr<StoredArchive>> Open(const std::string& path) {
    MS_ASSIGN_OR_RETURN(const formats::File file, formats::File::Open(path));
    if (file.size() == 0) return DataLoss("an empty file is no archive of torch.package");
    MS_ASSIGN_OR_RETURN(formats::Archive archive, formats::OpenArchive(path, path, ZIP_RDONLY));
    std::shared_ptr<StoredArchive> opened(new StoredArchive(file.size(), std::move(archive)));
    MS_RETURN_IF_ERROR(opened->List());
    return opened;
  }

  const std::map<std::string, zip_uint64_t>& names() const { return names_; }

  Result<std::string> Read(const std::string& name, uint64_t most) const {
    auto bytes = ReadStored(name, most);
    if (!bytes.ok()) return bytes.status().WithContext("entry " + Quoted(name));
    return bytes;
  }

 private:
  StoredArchive(uint64_t size, formats::Archive archive)
      : size_(size), archive_(std::move(archive)) {}

  // Every name is below one folder, which is left out.
  Status List() {
    std::string folder;
    const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
    if (count < 0 || static_cast<uint64_t>(count) > kMostEntries) {
      return DataLoss("has too many entries");
    }
    for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(count); ++i) {
      const char* text = zip_get_name(archive_.get(), i, ZIP_FL_ENC_RAW);
      const std::string name = text == nullptr ? "" : text;
      const size_t slash = name.find('/');
      if (slash == std::string::npos || (i > 0 && name.substr(0, slash) != folder)) {
        return DataLoss("is no archive of torch.package: entry " + Quoted(name) +
                        " is not in one folder with the others");
      }
      folder = name.substr(0, slash);
      if (!names_.emplace(name.substr(slash + 1), i).second) {
        return DataLoss("has two entries " + Quoted(name));
      }
    }
    return OkStatus();
  }

  Result<std::string> ReadStored(const std::string& name, uint64_t most) const {
    const auto at = names_.find(name);
    if (at == names_.end()) return DataLoss("is missing");
    std::lock_guard lock(mutex_);
    zip_stat_t info;
    constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive_.get(), at->second, 0, &info) != 0 ||
        (info.valid & kNeeded) != kNeeded) {
      return DataLoss(zip_strerror(archive_.get()));
    }
    if (info.comp_method != ZIP_CM_STORE) {
      return Unimplemented("is compressed, which torch.package does not do");
    }
    if (info.size > size_ || info.size > most) {
      return DataLoss("is said to have " + std::to_string(info.size) + " bytes; " +
                      std::to_string(std::min(size_, most)) + " are possible");
    }
    const std::unique_ptr<zip_file_t, void (*)(zip_file_t*)> file(
        zip_fopen_index(archive_.get(), at->second, 0), [](zip_file_t* f) { zip_fclose(f); });
    if (file == nullptr) return DataLoss(zip_strerror(archive_.get()));
    std::string bytes(info.size, '\0');
    // One byte more: reading the end makes libzip compare the checksum.
    for (size_t done = 0; done <= bytes.size();) {
      char beyond;
      const bool rest = done < bytes.size();
      const zip_int64_t got = zip_fread(file.get(), rest ? bytes.data() + done : &beyond,
                                        rest ? bytes.size() - done : 1);
      if (got < 0) return DataLoss(zip_file_strerror(file.get()));
      if (rest == (got == 0)) return DataLoss("has another size than it is said to have");
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return bytes;
  }

  const uint64_t size_;
  mutable std::mutex mutex_;  // guards archive_
  formats::Archive archive_;
  std::map<std::string, zip_uint64_t> names_;  // without the folder
};

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

class Reader {
 public:
  Reader(std::shared_ptr<StoredArchive> archive, std::string pickle)
      : archive_(std::move(archive)), wanted_(std::move(pickle)) {}

  Result<TorchPackage> Run() {
    if (!archive_->names().contains(".data/extern_modules")) {
      return DataLoss("is no archive of torch.package: it has no .data/extern_modules");
    }
    if (archive_->names().contains("byteorder")) {
      MS_ASSIGN_OR_RETURN(const std::string order, archive_->Read("byteorder", kLargestText));
      if (order != "little") return Unimplemented("has numbers of byte order " + Quoted(order));
    }
    MS_RETURN_IF_ERROR(ReadExterns());
    MS_RETURN_IF_ERROR(ReadFiles());
    MS_RETURN_IF_ERROR(ReadTensors());
    return std::move(package_);
  }

 private:
  Status ReadExterns() {
    MS_ASSIGN_OR_RETURN(const std::string text,
                        archive_->Read(".data/extern_modules", kLargestText));
    std::set<std::string> tops;
    for (const std::string& module : Lines(text)) tops.insert(module.substr(0, module.find('.')));
    package_.externs.assign(tops.begin(), tops.end());
    return OkStatus();
  }

  Status ReadFiles() {
    uint64_t bytes = 0;
    for (const auto& [name, index] : archive_->names()) {
      if (name.starts_with(".data/ts_code")) {
        return Unimplemented("holds TorchScript (entry " + Quoted(name) + "), which is not read");
      }
      if (name.starts_with(".data/") || name == "byteorder") continue;
      if (name.ends_with(".pkl")) {
        pickles_.push_back(name);
        continue;
      }
      MS_ASSIGN_OR_RETURN(std::string content, archive_->Read(name, kLargestFiles - bytes));
      bytes += content.size();
      package_.files[std::string(kCodeFolder) + name] = std::move(content);
    }
    return OkStatus();
  }

  Result<std::vector<TorchTensor>> TensorsOf(const std::string& name) const {
    MS_ASSIGN_OR_RETURN(const std::string bytes, archive_->Read(name, kLargestPickle));
    auto pickle = Pickle::Parse(bytes);
    if (!pickle.ok()) return pickle.status().WithContext("pickle " + Quoted(name));
    auto tensors = FindTorchTensors(*pickle);
    if (!tensors.ok()) return tensors.status().WithContext("pickle " + Quoted(name));
    return tensors;
  }

  Status ReadTensors() {
    if (!wanted_.empty() &&
        std::find(pickles_.begin(), pickles_.end(), wanted_) == pickles_.end()) {
      return NotFound("has no pickle " + Quoted(wanted_) + "; it has " + Listed(pickles_));
    }
    std::vector<std::string> holding;
    std::vector<TorchTensor> found;
    for (const std::string& name : pickles_) {
      if (!wanted_.empty() && name != wanted_) continue;
      MS_ASSIGN_OR_RETURN(std::vector<TorchTensor> tensors, TensorsOf(name));
      if (tensors.empty()) continue;
      holding.push_back(name);
      found = std::move(tensors);
    }
    if (holding.size() > 1) {
      return InvalidArgument("holds tensors in several pickles, of which one must be chosen: " +
                             Listed(holding));
    }
    if (!holding.empty()) package_.pickle = holding.front();
    for (const std::string& name : pickles_) {
      if (name != package_.pickle) package_.left_out.push_back(name);
    }
    for (const TorchTensor& tensor : found) {
      package_.tensors.push_back({tensor.name, tensor.dtype, tensor.shape});
    }
    package_.read = [archive = archive_, tensors = std::move(found)](size_t i) -> Result<Tensor> {
      const std::string name = ".data/" + tensors[i].storage + ".storage";
      MS_ASSIGN_OR_RETURN(const std::string storage, archive->Read(name, UINT64_MAX));
      return GatherTorchTensor(tensors[i], storage);
    };
    return OkStatus();
  }

  std::shared_ptr<StoredArchive> archive_;
  const std::string wanted_;
  std::vector<std::string> pickles_;
  TorchPackage package_;
};

}  // namespace

Result<TorchPackage> ReadTorchPackage(const std::string& path, const std::string& pickle) {
  auto archive = StoredArchive::Open(path);
  if (!archive.ok()) {
    const bool named = archive.status().message().starts_with(path);
    return named ? archive.status() : archive.status().WithContext(path);
  }
  auto package = Reader(*std::move(archive), pickle).Run();
  if (!package.ok()) return package.status().WithContext(path);
  package->read = [read = std::move(package->read), path](size_t i) {
    auto tensor = read(i);
    return tensor.ok() ? tensor : Result<Tensor>(tensor.status().WithContext(path));
  };
  return package;
}

}  // namespace midstream::package
