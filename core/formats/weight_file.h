// Weights of a model from a file of named tensors.
//
// The file's names are the model's weight names, with or without ":0", or the names that the model's
// checkpoints use. Each tensor must be one of the model's, with its dtype and shape; values are
// taken as they are. A file may hold a part of the weights: names() tells which, and whoever needs
// all of them asks for all of them. What it holds for optimizer slots is left alone.
#ifndef MIDSTREAM_CORE_FORMATS_WEIGHT_FILE_H_
#define MIDSTREAM_CORE_FORMATS_WEIGHT_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/formats/tensor_file.h"
#include "core/graph/rename.h"

namespace midstream::formats {

// What a file of named tensors may hold.
struct MatchOptions {
  std::vector<RenameRule> rename;  // of the file's names
  bool need_all = true;            // a refusal tells what is missing, too
  bool allow_unknown = false;      // leave tensors alone that the model does not have
  bool convert_floats = false;     // take any of float32, float16, bfloat16 for a weight of them
  bool accept_float64 = false;     // and float64
};

// Another set of weights for the model: a .safetensors, .npz or .mspkg file, an Orbax checkpoint, or what the model's own format
// has for it. Errors: those of OpenTensorFile and ModelSource::OpenWeights; INVALID_ARGUMENT listing
// every tensor that does not fit, and every weight of the model's outputs that is missing too.
Result<std::unique_ptr<WeightReader>> OpenWeights(const ModelSource& model, const std::string& path,
                                                  const MatchOptions& options = {});
// The same for a file that is open.
Result<std::unique_ptr<WeightReader>> OpenWeights(const ModelSource& model,
                                                  std::unique_ptr<TensorFile> file,
                                                  const MatchOptions& options = {});

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_WEIGHT_FILE_H_
