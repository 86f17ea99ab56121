#include "core/formats/package/package_file.h"

#include <utility>

namespace midstream::package {

PackageFile::PackageFile(std::shared_ptr<const Package> package) : package_(std::move(package)) {
  for (const StoredTensor& tensor : package_->manifest().tensors) {
    tensors_.push_back({tensor.name, tensor.dtype, tensor.shape});
  }
}

Result<std::unique_ptr<formats::TensorFile>> PackageFile::Open(const std::string& path) {
  MS_ASSIGN_OR_RETURN(auto package, Package::Open(path));
  return std::unique_ptr<formats::TensorFile>(new PackageFile(std::move(package)));
}

}  // namespace midstream::package
