#include "core/formats/npy/npy_folder.h"

#include <algorithm>
#include <filesystem>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/npy/npy.h"
#include "core/formats/npy/npy_codec.h"

namespace midstream::formats {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 1'000'000;
constexpr std::string_view kExtension = ".npy";

// Names of the arrays, in their order.
Result<std::vector<std::string>> Names(const std::string& folder) {
  std::vector<std::string> names;
  size_t files = 0;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (++files > kMostFiles) {
      return InvalidArgument(folder + " holds more than " + std::to_string(kMostFiles) + " files");
    }
    std::string name = at->path().lexically_relative(folder).string();
    if (!name.ends_with(kExtension) || IsDirectory(at->path())) continue;
    name.resize(name.size() - kExtension.size());
    names.push_back(std::move(name));
  }
  if (error) return ErrnoStatus(error.value(), folder);
  std::sort(names.begin(), names.end());
  return names;
}

Result<NpyHeader> ReadHeader(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const File file, File::Open(path));
  uint64_t offset = 0;
  auto header = DecodeNpyHeader(file.size(), [&](void* to, size_t size) {
    offset += size;
    return file.ReadAt(offset - size, to, size);
  });
  return header.ok() ? std::move(header) : header.status().WithContext(path);
}

std::string FileOf(const std::string& folder, const std::string& name) {
  return folder + "/" + name + std::string(kExtension);
}

}  // namespace

Result<std::unique_ptr<TensorFile>> NpyFolder::Open(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(path));
  if (names.empty()) return NotFound(path + " holds no .npy file");
  std::unique_ptr<NpyFolder> folder(new NpyFolder(path));
  for (const std::string& name : names) {
    MS_ASSIGN_OR_RETURN(NpyHeader header, ReadHeader(FileOf(path, name)));
    folder->tensors_.push_back({name, header.dtype, std::move(header.shape)});
  }
  return std::unique_ptr<TensorFile>(std::move(folder));
}

Result<Tensor> NpyFolder::Read(size_t index) const {
  const TensorInfo& info = tensors_[index];
  const std::string file = FileOf(path_, info.name);
  MS_ASSIGN_OR_RETURN(Tensor tensor, ReadNpy(file));
  if (tensor.dtype() == info.dtype && tensor.shape() == info.shape) return tensor;
  return DataLoss(file + " was replaced while the folder was being read");
}

}  // namespace midstream::formats
