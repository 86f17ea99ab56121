// PackageModel: a package as a ModelSource: a graph of one node, PythonModel, whose weights are the
// tensors of the package.
//
// The node holds all that is needed to run it (docs/operators.md): code and data are those that were
// verified when the package was opened, whatever becomes of the file.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_MODEL_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_MODEL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/formats/package/package.h"

namespace midstream::package {

class PackageModel : public formats::ModelSource {
 public:
  // Errors: as Package::Open; INVALID_ARGUMENT when a signature is asked for.
  static Result<std::unique_ptr<formats::ModelSource>> Open(const std::string& path,
                                                            const formats::OpenOptions& options);

  const std::string& path() const override { return package_->path(); }
  const std::vector<formats::TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<formats::TensorInfo>& outputs() const override { return outputs_; }
  const std::vector<formats::WeightInfo>& weights() const override { return weights_; }
  Result<std::vector<formats::OpCount>> Operators(
      const std::vector<std::string>& outputs) const override;
  // Feeds are inputs of the model, and outputs its outputs.
  Result<formats::BuiltGraph> BuildGraph(const formats::GraphRequest& request) const override;
  Result<Tensor> ReadWeight(const std::string& name) const override;
  Result<std::unique_ptr<formats::WeightReader>> OpenWeights(
      const std::string& path) const override;

 private:
  PackageModel() = default;

  std::shared_ptr<const Package> package_;
  std::string absolute_path_;
  std::vector<formats::TensorInfo> inputs_;
  std::vector<formats::TensorInfo> outputs_;
  std::vector<formats::WeightInfo> weights_;
  std::map<std::string, size_t, std::less<>> indices_;  // of weights_
};

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_MODEL_H_
