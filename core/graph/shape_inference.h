// Shape inference over a whole graph, with the values of small integer tensors carried along.
#ifndef MIDSTREAM_CORE_GRAPH_SHAPE_INFERENCE_H_
#define MIDSTREAM_CORE_GRAPH_SHAPE_INFERENCE_H_

#include <functional>
#include <map>

#include "core/graph/graph.h"

namespace midstream {

// Computes the outputs of one node from constant inputs (absent inputs are empty tensors).
// Implemented over a backend by plan/evaluator.h; shape inference uses it for shape arithmetic,
// constant folding and recipes for the rest.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual Result<std::vector<Tensor>> Evaluate(const Node& node,
                                               const std::vector<Tensor>& inputs) = 0;
};

// Fills dtype and shape of every value made by a node, in topological order. A node whose inputs
// are all constants of at most 1024 elements is evaluated and its outputs get `constant`, so that
// shape arithmetic resolves; the node stays. Requires: Compact() was called. Errors:
// INVALID_ARGUMENT naming the node.
Status InferShapes(Graph& graph, Evaluator* evaluator);

// A copy of `graph` in which the inputs have the given fully known shapes and everything was
// inferred again; every shape in it is known. Ids are those of `graph`. Errors: INVALID_ARGUMENT
// naming the input and its declared shape, or the first node whose output shape depends on
// something other than shapes.
Result<Graph> BindShapes(const Graph& graph, const std::map<ValueId, Shape>& input_shapes,
                         Evaluator* evaluator);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_SHAPE_INFERENCE_H_
