// OpenPiModel: a checkpoint of pi0, pi0.5 or pi0-FAST, as openpi's JAX or PyTorch code wrote it, as a
// ModelSource.
//
// Opening it reads names and shapes, which tell the sizes, and builds the graph (graph.h); values are
// read when they are asked for. Its weights have canonical names (weights.h), so a checkpoint of
// either layout updates a model that was opened from the other.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_MODEL_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_MODEL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/models/openpi/canonical_file.h"
#include "core/models/openpi/sizes.h"

namespace midstream::openpi {

// The file or folder of tensors that a path stands for: the path itself if it is one, or the
// model.safetensors or the params/ below it. Empty: there is none.
std::string CheckpointFile(const std::string& path);

class OpenPiModel : public formats::ModelSource {
 public:
  // `file`: of CheckpointFile. Errors: those of opening it, RecogniseSizes and CanonicalFile::Open.
  static Result<std::unique_ptr<OpenPiModel>> Open(std::unique_ptr<formats::TensorFile> file,
                                                   const SizeOptions& options);

  const Sizes& sizes() const { return sizes_; }

  const std::string& path() const override { return weights_file_->path(); }
  const std::vector<formats::TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<formats::TensorInfo>& outputs() const override { return outputs_; }
  const std::vector<formats::WeightInfo>& weights() const override { return weights_; }
  Result<std::vector<formats::OpCount>> Operators(
      const std::vector<std::string>& outputs) const override;
  Result<formats::BuiltGraph> BuildGraph(const formats::GraphRequest& request) const override;
  Result<Tensor> ReadWeight(const std::string& name) const override;
  Result<std::unique_ptr<formats::WeightReader>> OpenWeights(
      const std::string& path) const override;
  Result<std::unique_ptr<formats::TensorFile>> Adapt(
      std::unique_ptr<formats::TensorFile> file) const override;

 private:
  OpenPiModel() = default;

  Sizes sizes_;
  std::shared_ptr<const CanonicalFile> weights_file_;
  std::vector<formats::WeightInfo> weights_;
  std::map<std::string, size_t, std::less<>> indices_;  // of weights_
  std::vector<formats::TensorInfo> inputs_;
  std::vector<formats::TensorInfo> outputs_;
  Graph whole_;
};

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_MODEL_H_
