// Reads a model's weights from a checkpoint: variable name -> key in the file -> tensor, checked
// against what the graph declares.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_WEIGHTS_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_WEIGHTS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/formats/tensorflow/checkpoint.h"
#include "core/formats/tensorflow/variables.h"

namespace midstream::tensorflow {

class CheckpointWeights : public formats::WeightReader {
 public:
  // `path` is any name of a checkpoint. Errors: as Checkpoint::Open.
  static Result<std::unique_ptr<CheckpointWeights>> Open(const std::string& path,
                                                         std::shared_ptr<const Variables> variables,
                                                         const formats::OpenOptions& options);

  const std::vector<std::string>& names() const override { return names_; }
  Result<Tensor> Read(const std::string& name) const override;

  // Which of the Savers' keys this checkpoint has.
  const RestorePlan& plan() const { return *plan_; }

 private:
  CheckpointWeights(std::unique_ptr<Checkpoint> checkpoint,
                    std::shared_ptr<const Variables> variables, bool verify);

  Result<Tensor> ReadSource(const RestoreSource& source, const formats::WeightInfo& info) const;
  Status Missing(const RestoreSource& source, const std::string& name) const;

  std::unique_ptr<Checkpoint> checkpoint_;
  std::shared_ptr<const Variables> variables_;
  std::optional<RestorePlan> object_plan_;
  const RestorePlan* plan_;  // one of variables_, or object_plan_
  bool verify_;
  std::vector<std::string> names_;
};

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_WEIGHTS_H_
