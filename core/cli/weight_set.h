// WeightSet: named tensors for the commands about weights, from a model, a checkpoint without its graph,
// a .safetensors or .npz file, an Orbax checkpoint, or a folder of .npy files, read one tensor at a time.
#ifndef MIDSTREAM_CORE_CLI_WEIGHT_SET_H_
#define MIDSTREAM_CORE_CLI_WEIGHT_SET_H_

#include <functional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensor_file.h"

namespace midstream::cli {

struct WeightSet {
  std::string path;
  // In the order of their names, which have no ":0".
  std::vector<formats::TensorInfo> tensors;
  formats::TensorProvider read;

  // nullptr: there is none.
  const formats::TensorInfo* Find(const std::string& name, size_t* index) const;
};

// Of a model: the variables that its checkpoint stores, without the optimizer's. Of a checkpoint
// whose graph is missing: every tensor, under its key. Errors: those of opening; DATA_LOSS for a
// file that has both `name` and `name:0`.
Result<WeightSet> OpenWeightSet(const std::string& path);

// The same for a model whose values `read` gives by name. Weights that the model's outputs do not use
// are left out where `read` does not find them. Errors: those of `read`.
using ReadByName = std::function<Result<Tensor>(const std::string& name)>;
Result<WeightSet> WeightSetOf(const formats::ModelSource& model, const ReadByName& read);

// Leaves the tensors that a pattern matches; without patterns, all. `*` and `?` match any
// characters, "/" too. Errors: NOT_FOUND for a pattern that matches none.
Status KeepOnly(const std::vector<std::string>& patterns, WeightSet* set);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_WEIGHT_SET_H_
