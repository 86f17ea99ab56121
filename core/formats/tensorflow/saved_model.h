// SavedModel: which of its graphs serves, and by what names a caller knows its tensors.
//
// A SavedModel is a directory: `saved_model.pb` holds MetaGraphDefs with signatures, and the weights
// are the checkpoint `variables/variables`. Those of TensorFlow 1 have named variables and a Saver in
// the graph; those of TensorFlow 2 are calls of functions, the restore operator included, so that
// once functions are in place (functions.h) both are the same.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVED_MODEL_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVED_MODEL_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/model_source.h"
#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

// The file `saved_model.pb` or `saved_model.pbtxt` of a directory; empty when it has none.
std::string SavedModelFile(const std::string& directory);
std::string SavedModelVariables(const std::string& directory);  // the checkpoint in it

// The encoded MetaGraphDef that is tagged `serve`. Errors: DATA_LOSS; NOT_FOUND listing the tags that
// there are.
Result<std::string_view> ServingGraph(std::string_view saved_model);

// Arguments and results by name.
struct Signature {
  struct Tensor {
    std::string name;
    TensorRef ref;
    formats::TensorInfo info;  // under the signature's name
  };
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;

  static const Tensor* Find(const std::vector<Tensor>& tensors, std::string_view name);
  static const Tensor* Find(const std::vector<Tensor>& tensors, TensorRef ref);
};

// The signature called `name`; without one, `serving_default`, or else the only one. nullopt when no
// name is given and the graph has no signature. Errors: NOT_FOUND listing the signatures that there
// are; INVALID_ARGUMENT for tensors that the graph does not have.
Result<std::optional<Signature>> ChooseSignature(const TfGraph& graph, std::string_view name);

// The results of all signatures. Malformed ones are left out.
std::vector<TensorRef> SignatureOutputs(const TfGraph& graph);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVED_MODEL_H_
