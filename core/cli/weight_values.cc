#include "core/cli/weight_values.h"

#include "core/formats/weight_file.h"

namespace midstream::cli {

Result<std::vector<NamedTensor>> OwnWeights(Model& model) {
  std::vector<NamedTensor> weights;
  for (const formats::WeightInfo& weight : model.source().weights()) {
    if (weight.use == formats::WeightUse::kOptimizer || weight.checkpoint_key.empty()) continue;
    MS_ASSIGN_OR_RETURN(Tensor value, model.ReadWeight(weight.name));
    weights.push_back({weight.name + ":0", std::move(value)});
  }
  return weights;
}

Result<std::vector<NamedTensor>> ReadWeights(const formats::ModelSource& model,
                                             const std::string& path) {
  std::vector<NamedTensor> weights;
  MS_ASSIGN_OR_RETURN(const auto reader, formats::OpenWeights(model, path));
  for (const std::string& name : reader->names()) {
    MS_ASSIGN_OR_RETURN(Tensor value, reader->Read(name));
    weights.push_back({name + ":0", std::move(value)});
  }
  return weights;
}

}  // namespace midstream::cli
