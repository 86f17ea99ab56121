// TensorFlowModel: a checkpoint or SavedModel of TensorFlow as a ModelSource.
//
// Opening it decodes the graph and finds weights and outputs; values are read when they are asked
// for, each checked against the graph's own idea of dtype and shape.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_MODEL_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_MODEL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/formats/tensorflow/saved_model.h"
#include "core/formats/tensorflow/tf_graph.h"
#include "core/formats/tensorflow/variables.h"

namespace midstream::tensorflow {

class TensorFlowModel : public formats::ModelSource {
 public:
  // `meta_path` holds the graph; the model's own weights are those of the checkpoint `prefix`.
  // Without `weights_required`, a missing one is an error only when a weight is read.
  static Result<std::unique_ptr<formats::ModelSource>> Open(const std::string& meta_path,
                                                            const std::string& prefix,
                                                            bool weights_required,
                                                            const formats::OpenOptions& options);
  // Requires: SavedModelFile(directory) is not empty. Errors: as Open; NOT_FOUND for a graph or
  // signature that it does not have.
  static Result<std::unique_ptr<formats::ModelSource>> OpenSavedModel(
      const std::string& directory, const formats::OpenOptions& options);

  const std::string& path() const override { return path_; }
  const std::vector<formats::TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<formats::TensorInfo>& outputs() const override { return outputs_; }
  const std::vector<formats::WeightInfo>& weights() const override { return variables_->infos; }
  Result<std::vector<formats::OpCount>> Operators(
      const std::vector<std::string>& outputs) const override;
  Result<formats::BuiltGraph> BuildGraph(const formats::GraphRequest& request) const override;
  Result<Tensor> ReadWeight(const std::string& name) const override;
  Result<std::unique_ptr<formats::WeightReader>> OpenWeights(
      const std::string& path) const override;

 private:
  explicit TensorFlowModel(TfGraph graph) : graph_(std::move(graph)) {}
  // `meta` lies in `file`, the content of the file `path`.
  static Result<std::unique_ptr<TensorFlowModel>> Make(const std::string& path,
                                                       std::unique_ptr<const std::string> file,
                                                       std::string_view meta,
                                                       const formats::OpenOptions& options);
  Status OpenOwnWeights(const std::string& checkpoint, bool required);
  void FindTensors(std::vector<TensorRef>* outputs);
  const Signature* signature() const { return signature_ ? &*signature_ : nullptr; }
  void NameKeys(const RestorePlan& plan);

  std::string path_;
  formats::OpenOptions options_;
  std::unique_ptr<const std::string> bytes_;  // behind the views in graph_
  TfGraph graph_;
  std::optional<Signature> signature_;
  std::vector<formats::TensorInfo> inputs_;
  std::vector<formats::TensorInfo> outputs_;
  std::shared_ptr<const Variables> variables_;
  std::unique_ptr<formats::WeightReader> own_weights_;  // null: own_status_ says why
  Status own_status_;
};

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_MODEL_H_
