// Whole sets of weights in memory, as a trainer would hand them over.
#ifndef MIDSTREAM_CORE_CLI_WEIGHT_VALUES_H_
#define MIDSTREAM_CORE_CLI_WEIGHT_VALUES_H_

#include <string>
#include <vector>

#include "core/engine/engine.h"
#include "core/formats/model_source.h"

namespace midstream::cli {

// The current values of what a trainer would push: all but the optimizer's. Names have the port, as
// the trainer's framework gives them. Errors: those of reading.
Result<std::vector<NamedTensor>> OwnWeights(Model& model);

// All that a checkpoint, .safetensors or .npz file has for the model. Errors: those of reading.
Result<std::vector<NamedTensor>> ReadWeights(const formats::ModelSource& model,
                                             const std::string& path);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_WEIGHT_VALUES_H_
