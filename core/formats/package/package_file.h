// PackageFile: the tensors of a package as a TensorFile, so that one package may give its weights to
// the model of another.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_PACKAGE_FILE_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_PACKAGE_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "core/formats/package/package.h"
#include "core/formats/tensor_file.h"

namespace midstream::package {

class PackageFile : public formats::TensorFile {
 public:
  // Errors: as Package::Open.
  static Result<std::unique_ptr<formats::TensorFile>> Open(const std::string& path);

  const std::string& path() const override { return package_->path(); }
  const std::vector<formats::TensorInfo>& tensors() const override { return tensors_; }
  // In place: no byte is copied.
  Result<Tensor> Read(size_t index) const override { return package_->ReadTensor(index); }

 private:
  explicit PackageFile(std::shared_ptr<const Package> package);

  std::shared_ptr<const Package> package_;
  std::vector<formats::TensorInfo> tensors_;
};

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_PACKAGE_FILE_H_
