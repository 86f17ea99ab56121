// Path: the part of a graph that computes the requested tensors.
//
// Fed tensors are leaves, control edges are dropped, and what does nothing at inference is looked
// through: identities, gradient stops, reads of variables, dropout, and conditionals (Switch and
// Merge, If and Case) whose predicate is known or whose branches come to the same tensor.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_PATH_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_PATH_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensorflow/dropout.h"
#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

struct Path {
  struct Step {
    uint32_t node = 0;
    std::vector<TensorRef>
        inputs;  // resolved; what reads a conditional gets: predicate, on true, on false
  };
  struct Dropout {
    uint32_t node = 0;
    DropoutMatch match;
  };

  std::vector<Step> steps;         // in topological order; fed tensors need no step
  std::vector<TensorRef> outputs;  // resolved, as many as requested
  std::set<TensorRef> cuts;        // fed tensors that are reached
  std::vector<Dropout> dropouts;   // looked through
};

// `cut` holds the fed tensors; `bound` the values of those scalars among them that are known, which
// decide conditionals. With keep_dropout, dropout is computed. Errors: INVALID_ARGUMENT for an
// unknown input or a cycle, naming the node.
Result<Path> FindPath(const TfGraph& graph, const std::set<TensorRef>& cut,
                      const std::map<TensorRef, double>& bound,
                      const std::vector<TensorRef>& outputs, bool keep_dropout = false);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_PATH_H_
