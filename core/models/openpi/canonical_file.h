// A checkpoint of an OpenPI model as a file of canonical tensors (weights.h), whichever of the two
// layouts it has.
//
// Stored tensors are read row by row, in the order of layers, so a stack of 18 layers is never in
// memory as a whole; of a row that holds two weights (gate and up) the second is kept until it is
// asked for. What the model does not need (the head of the expert, which is junk) is not read.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_CANONICAL_FILE_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_CANONICAL_FILE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/formats/tensor_file.h"
#include "core/models/openpi/weights.h"

namespace midstream::openpi {

class CanonicalFile : public formats::TensorFile {
 public:
  // Errors: INVALID_ARGUMENT listing every tensor that is missing or has another shape than the
  // model needs; UNIMPLEMENTED for a tensor that would have to be merged into another.
  static Result<std::unique_ptr<CanonicalFile>> Open(std::unique_ptr<formats::TensorFile> file,
                                                     const Sizes& sizes);

  const std::string& path() const override { return file_->path(); }
  const std::vector<formats::TensorInfo>& tensors() const override { return tensors_; }
  Result<Tensor> Read(size_t index) const override;
  // The name that the checkpoint has for what holds tensors()[index].
  const std::string& StoredName(size_t index) const {
    return file_->tensors()[indices_[index]].name;
  }

 private:
  CanonicalFile() = default;
  // The row of the stored tensor that holds the weight, in the shape of its view.
  Result<Tensor> ReadView(size_t index) const;
  Result<Tensor> ReadSharedRow(size_t index) const;

  struct Row {
    int64_t row = 0;
    Tensor value;
  };

  std::unique_ptr<formats::TensorFile> file_;
  std::vector<CanonicalWeight> weights_;
  std::vector<size_t> indices_;  // of the stored tensor of each weight
  std::vector<formats::TensorInfo> tensors_;
  mutable std::mutex mutex_;
  mutable std::map<size_t, Row> rows_;  // of stored tensors: read for one weight, kept for the next
};

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_CANONICAL_FILE_H_
