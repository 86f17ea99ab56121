// TfGraph: the nodes of a GraphDef with lookups by name, parsed inputs and typed attributes.
//
// Calls of functions are replaced by the functions' bodies (functions.h), so the graph is flat.
// Attributes that a node leaves out take the default of the operator's definition, which the file
// carries. Malformed inputs are reported when somebody asks for them, so damage in training nodes
// does not keep the inference part from being read.
//
// Threads: immutable once made.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TF_GRAPH_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TF_GRAPH_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensorflow/functions.h"
#include "core/formats/tensorflow/protos.h"
#include "core/graph/tensor.h"

namespace midstream::tensorflow {

// Output `output` of node number `node`.
struct TensorRef {
  uint32_t node = 0;
  uint32_t output = 0;
  friend auto operator<=>(const TensorRef&, const TensorRef&) = default;
};

class TfGraph {
 public:
  // Requires: the bytes behind `meta` outlive the graph. Errors: DATA_LOSS for an empty graph or a
  // name that two nodes have.
  static Result<TfGraph> Make(MetaGraph meta);

  const std::vector<NodeDef>& nodes() const { return meta_.nodes; }
  const NodeDef& node(uint32_t idx) const { return meta_.nodes[idx]; }
  const SaverDef& saver() const { return meta_.saver; }
  const std::vector<SignatureDef>& signatures() const { return meta_.signatures; }
  std::optional<uint32_t> Find(std::string_view name) const;

  // "name" or "name:k". Errors: NOT_FOUND for an unknown node or an output that it does not have.
  Result<TensorRef> ParseTensor(std::string_view name) const;
  // "name" for output 0, else "name:k".
  std::string TensorName(TensorRef ref) const;

  // The data inputs of a node, in order. Errors: INVALID_ARGUMENT naming the node and its input.
  Result<std::vector<TensorRef>> DataInputs(uint32_t idx) const;
  // One of them. Errors: as DataInputs; INVALID_ARGUMENT when the node has fewer.
  Result<TensorRef> DataInput(uint32_t idx, size_t input) const;
  size_t DataInputCount(uint32_t idx) const { return first_inputs_[idx + 1] - first_inputs_[idx]; }
  // Of all nodes together.
  size_t input_count() const { return inputs_.size(); }
  // Nodes named by control inputs; unknown ones are left out.
  std::vector<uint32_t> ControlInputs(uint32_t idx) const;

  // Why a call of a function is still one; nullptr for all other nodes.
  const std::string* CallProblem(uint32_t idx) const;

  // nullopt when the file does not define the node's operator.
  std::optional<size_t> OutputCount(uint32_t idx) const { return output_counts_[idx]; }
  // tensorflow.DataType of an output, or 0 when it is not known.
  int64_t OutputType(TensorRef ref) const;
  // What the file records about the shape of an output.
  Shape OutputShape(TensorRef ref) const;

  // An attribute of the wanted kind, from the node or its operator's defaults.
  const AttrValue* Attr(const NodeDef& node, std::string_view name, AttrKind kind) const;
  int64_t Int(const NodeDef& node, std::string_view name, int64_t fallback) const;
  float Float(const NodeDef& node, std::string_view name, float fallback) const;
  bool Bool(const NodeDef& node, std::string_view name, bool fallback) const;
  std::string_view String(const NodeDef& node, std::string_view name,
                          std::string_view fallback) const;
  int64_t Type(const NodeDef& node, std::string_view name) const;  // 0 when absent
  std::vector<int64_t> Ints(const NodeDef& node, std::string_view name) const;
  Shape ShapeOf(const NodeDef& node, std::string_view name) const;  // unknown when absent

 private:
  std::optional<size_t> CountOutputs(const NodeDef& node) const;
  void ParseInputs();
  Status BadInput(uint32_t idx, size_t input) const;

  MetaGraph meta_;
  InlinedCalls calls_;
  std::unordered_map<std::string_view, uint32_t> by_name_;
  std::unordered_map<std::string_view, const OpDef*> ops_;
  std::vector<std::optional<size_t>> output_counts_;  // by node
  std::vector<TensorRef> inputs_;                     // data inputs of all nodes, one after another
  std::vector<size_t> first_inputs_;                  // by node, and the end
};

// "node 'conv1/Conv2D' (Conv2D)", for messages.
std::string Describe(const NodeDef& node);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TF_GRAPH_H_
