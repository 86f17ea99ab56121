// A checkpoint of an OpenPI model as a file of canonical tensors (weights.h), whichever of the two
// layouts it has.
//
// Stored tensors are read row by row, in the order of layers, so a stack of 18 layers is never in
// memory as a whole; of a row that holds two weights (gate and up) the second is kept until it is
// asked for. LoRA factors are merged into their weights (lora.h). What the model does not need (the head of the expert, which is junk) is not read.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_CANONICAL_FILE_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_CANONICAL_FILE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/formats/tensor_file.h"
#include "core/models/openpi/names.h"
#include "core/models/openpi/weights.h"

namespace midstream::openpi {

class CanonicalFile : public formats::TensorFile {
 public:
  // Errors: INVALID_ARGUMENT listing every tensor that is missing or has another shape than the
  // model needs; UNIMPLEMENTED for a LoRA factor of no weight.
  static Result<std::unique_ptr<CanonicalFile>> Open(std::unique_ptr<formats::TensorFile> file,
                                                     const Sizes& sizes);

  const std::string& path() const override { return file_->path(); }
  const std::vector<formats::TensorInfo>& tensors() const override { return tensors_; }
  Result<Tensor> Read(size_t index) const override;
  // The name that the checkpoint has for what holds tensors()[index].
  const std::string& StoredName(size_t index) const {
    return file_->tensors()[sources_[index].tensor].name;
  }

 private:
  CanonicalFile() = default;

  // Indices of stored tensors.
  struct Source {
    size_t tensor = 0;
    bool has_lora = false;
    size_t lora_a = 0;
    size_t lora_b = 0;
  };
  // Why the factors of a weight cannot be merged; empty: they can, or there are none.
  static std::string FindLora(const StoredTensors& stored,
                              const std::vector<formats::TensorInfo>& tensors,
                              const StoredPart& part, Source* source);
  // The part of a stored tensor, which is the weight's or one of its factors.
  Result<Tensor> ReadPart(size_t tensor, const StoredPart& stored) const;
  Result<Tensor> ReadSharedRow(size_t tensor, int64_t row) const;

  struct Row {
    int64_t row = 0;
    Tensor value;
  };

  std::unique_ptr<formats::TensorFile> file_;
  std::vector<CanonicalWeight> weights_;
  std::vector<Source> sources_;  // of each weight
  std::vector<formats::TensorInfo> tensors_;
  mutable std::mutex mutex_;
  mutable std::map<size_t, Row> rows_;  // of stored tensors: read for one weight, kept for the next
};

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_CANONICAL_FILE_H_
