// Operator schemas: for each operator that the core knows, its arity and its shape inference.
//
// The semantics are ONNX's (operator set kOpset) for the domain "" and docs/operators.md for the
// domain "midstream". Shape inference works on partly known shapes and, for operators that compute
// with shapes (Shape, Gather, Concat, ... feeding Reshape, Expand, Slice, ...), on the values of
// small integer constants.
//
// Threads: the table is immutable and built on first use.
#ifndef MIDSTREAM_CORE_GRAPH_OP_SCHEMA_H_
#define MIDSTREAM_CORE_GRAPH_OP_SCHEMA_H_

#include <functional>
#include <string_view>
#include <vector>

#include "core/graph/graph.h"

namespace midstream {

// What an inference function sees of one node, and where it writes.
class InferContext {
 public:
  InferContext(const Graph& graph, const Node& node)
      : graph_(graph), node_(node), outputs_(node.outputs.size()) {}

  const Node& node() const { return node_; }
  size_t input_count() const { return node_.inputs.size(); }
  bool HasInput(size_t i) const { return i < node_.inputs.size() && node_.inputs[i] != kNoValue; }
  // Requires: HasInput(i).
  DType dtype(size_t i) const { return graph_.value(node_.inputs[i]).dtype; }
  const Shape& shape(size_t i) const { return graph_.value(node_.inputs[i]).shape; }
  // The constant value of input i, or nullptr when it is absent or not known.
  const Tensor* constant(size_t i) const;

  struct Output {
    DType dtype = DType::kInvalid;
    Shape shape = Shape::UnknownRank();
    Tensor constant;  // set when the shapes alone determine the value (Shape, Size)
  };
  Output& output(size_t i = 0) { return outputs_[i]; }
  size_t output_count() const { return outputs_.size(); }

  // INVALID_ARGUMENT "Conv 'conv1/Conv2D': ...".
  Status Error(std::string_view what) const;

 private:
  const Graph& graph_;
  const Node& node_;
  std::vector<Output> outputs_;
};

struct OpSchema {
  std::string_view domain;
  std::string_view name;
  int min_inputs;
  int max_inputs;  // -1: any number
  int min_outputs;
  int max_outputs;  // -1: any number
  Status (*infer)(InferContext& context);
  // What it computes lies in its attributes (the code of a Python model): never computed early,
  // and the reference has no kernel for it.
  bool opaque = false;
};

// nullptr when the core does not know the operator.
const OpSchema* FindSchema(std::string_view domain, std::string_view op);
// Sorted by domain, then name.
const std::vector<OpSchema>& AllSchemas();

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_OP_SCHEMA_H_
