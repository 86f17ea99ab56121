// Reads a model's weights from a checkpoint: variable name -> key in the file -> tensor, checked
// against what the graph declares.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_WEIGHTS_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_WEIGHTS_H_

#include <memory>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/formats/tensorflow/bundle.h"
#include "core/formats/tensorflow/variables.h"

namespace midstream::tensorflow {

class CheckpointWeights : public formats::WeightReader {
 public:
  // Errors: as Bundle::Open.
  static Result<std::unique_ptr<formats::WeightReader>> Open(
      const std::string& prefix, std::shared_ptr<const Variables> variables,
      const formats::OpenOptions& options);

  const std::vector<std::string>& names() const override { return names_; }
  Result<Tensor> Read(const std::string& name) const override;

 private:
  CheckpointWeights(Bundle bundle, std::shared_ptr<const Variables> variables, bool verify)
      : bundle_(std::move(bundle)), variables_(std::move(variables)), verify_(verify) {}

  Bundle bundle_;
  std::shared_ptr<const Variables> variables_;
  bool verify_;
  std::vector<std::string> names_;
};

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_WEIGHTS_H_
