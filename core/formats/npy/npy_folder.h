// NpyFolder: a folder of `.npy` files as a TensorFile. A tensor's name is the path of its file seen
// from the folder, without ".npy".
#ifndef MIDSTREAM_CORE_FORMATS_NPY_NPY_FOLDER_H_
#define MIDSTREAM_CORE_FORMATS_NPY_NPY_FOLDER_H_

#include <memory>
#include <string>
#include <vector>

#include "core/formats/tensor_file.h"

namespace midstream::formats {

class NpyFolder : public TensorFile {
 public:
  // Files below other folders count; those behind links to folders do not. Errors: those of ReadNpy,
  // naming the file; NOT_FOUND when there is no array; INVALID_ARGUMENT for too many files.
  static Result<std::unique_ptr<TensorFile>> Open(const std::string& path);

  const std::string& path() const override { return path_; }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  // Errors: DATA_LOSS when the file is another one meanwhile.
  Result<Tensor> Read(size_t index) const override;

 private:
  explicit NpyFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::vector<TensorInfo> tensors_;  // in the order of their names
};

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_NPY_NPY_FOLDER_H_
