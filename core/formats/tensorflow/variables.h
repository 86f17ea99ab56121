// The variables of a graph: which of them are weights of the model and which are the optimizer's.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_VARIABLES_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_VARIABLES_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/model_source.h"
#include "core/formats/tensorflow/saver.h"
#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

bool IsVariable(std::string_view op);
// Assignments and the updates of optimizers.
bool WritesVariable(std::string_view op);

// How one Saver of the graph restores the variables.
struct RestorePlan {
  std::string restore_op;              // empty: there is no Saver, names are keys
  std::vector<RestoreSource> sources;  // parallel to the variables; an empty key: not restored
};

struct Variables {
  std::vector<formats::WeightInfo> infos;  // in the graph's order; keys as in the first plan
  std::vector<RestorePlan> plans;          // at least one; first the one of the file's SaverDef
};

// Variables that neither `outputs` nor training steps use, and those that only optimizers read, are
// told apart. Errors: INVALID_ARGUMENT for a Saver that cannot be followed.
Result<Variables> FindVariables(const TfGraph& graph, const std::vector<TensorRef>& outputs);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_VARIABLES_H_
