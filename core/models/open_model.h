// Opens a model of any kind that the engine knows: what a format holds with its graph, and checkpoints
// of weights whose graph is built in code.
#ifndef MIDSTREAM_CORE_MODELS_OPEN_MODEL_H_
#define MIDSTREAM_CORE_MODELS_OPEN_MODEL_H_

#include <memory>
#include <string>

#include "core/formats/model_source.h"
#include "core/models/openpi/sizes.h"

namespace midstream::models {

// Opens what formats::OpenModel opens, or a checkpoint of OpenPI: a folder with a model.safetensors,
// an Orbax step folder, its params/, or a .safetensors file. Errors: those of formats::OpenModel and
// OpenPiModel::Open.
Result<std::unique_ptr<formats::ModelSource>> OpenModel(const std::string& path,
                                                        const formats::OpenOptions& options = {},
                                                        const openpi::SizeOptions& sizes = {});

}  // namespace midstream::models

#endif  // MIDSTREAM_CORE_MODELS_OPEN_MODEL_H_
