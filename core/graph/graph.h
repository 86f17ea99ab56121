// Graph: the engine's intermediate representation, a DAG of nodes with ONNX operator names and
// semantics.
//
// Values carry dtype and (partly known) shape. A weight is a value with a name and no bytes: passes
// and backends see its dtype and shape only, so nothing can bake its content. Constants are true
// constants of the model and may be folded.
//
// Built and changed by one thread (importers and passes), then shared as const. Ids are indices and
// stay valid until Compact().
#ifndef MIDSTREAM_CORE_GRAPH_GRAPH_H_
#define MIDSTREAM_CORE_GRAPH_GRAPH_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream {

using ValueId = uint32_t;
using NodeId = uint32_t;
constexpr uint32_t kNoValue = UINT32_MAX;  // an absent optional input
constexpr uint32_t kNoNode = UINT32_MAX;

constexpr std::string_view kOnnxDomain = "";
constexpr std::string_view kMidstreamDomain =
    "midstream";            // operators that ONNX lacks: docs/operators.md
constexpr int kOpset = 18;  // operator set of every node in the graph

using AttrValue = std::variant<int64_t, double, std::string, std::vector<int64_t>,
                               std::vector<double>, std::vector<std::string>>;
using Attributes = std::map<std::string, AttrValue, std::less<>>;

enum class ValueKind : uint8_t { kInput, kWeight, kConstant, kNode };

struct Value {
  std::string name;  // unique; weights: the trainer's name without ":0"
  DType dtype = DType::kInvalid;
  Shape shape = Shape::UnknownRank();
  ValueKind kind = ValueKind::kNode;
  NodeId producer = kNoNode;     // kNode only
  uint32_t producer_output = 0;  // which output of the producer
  Tensor constant =
      {};  // kConstant; in a shaped graph also a kNode whose value the shapes determine
};

struct Node {
  std::string name;  // unique
  std::string op;
  std::string domain;
  std::vector<ValueId> inputs;  // kNoValue = absent
  std::vector<ValueId> outputs;
  Attributes attrs;

  bool Is(std::string_view op_name, std::string_view op_domain = kOnnxDomain) const {
    return op == op_name && domain == op_domain;
  }
  // The attribute, or the default when it is absent or of another type.
  int64_t Int(std::string_view attr, int64_t fallback) const;
  double Float(std::string_view attr, double fallback) const;
  std::string String(std::string_view attr, std::string_view fallback) const;
  std::vector<int64_t> Ints(std::string_view attr) const;  // empty when absent
  bool Has(std::string_view attr) const { return attrs.find(attr) != attrs.end(); }
};

class Graph {
 public:
  ValueId AddInput(std::string name, DType dtype, Shape shape);
  ValueId AddWeight(std::string name, DType dtype, Shape shape);
  ValueId AddConstant(std::string name, Tensor tensor);
  // A node with `n_outputs` fresh values named `name`, `name:1`, ... of unknown dtype and shape
  // (InferShapes fills them). A name that is taken gets a suffix "_1", "_2", ...
  NodeId AddNode(std::string op, std::string name, std::vector<ValueId> inputs,
                 Attributes attrs = {}, size_t n_outputs = 1, std::string domain = "");
  // AddNode with one output, returning it.
  ValueId Add(std::string op, std::string name, std::vector<ValueId> inputs, Attributes attrs = {},
              std::string domain = "");
  void AddOutput(ValueId value, std::string name);

  const std::vector<Value>& values() const { return values_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Value& value(ValueId id) const { return values_[id]; }
  Value& value(ValueId id) { return values_[id]; }
  const Node& node(NodeId id) const { return nodes_[id]; }
  Node& node(NodeId id) { return nodes_[id]; }

  const std::vector<ValueId>& inputs() const { return inputs_; }    // kInput values
  const std::vector<ValueId>& weights() const { return weights_; }  // kWeight values
  const std::vector<ValueId>& outputs() const { return outputs_; }
  // The name under which the caller asked for output i (the value may be named otherwise, or be
  // asked for twice).
  const std::vector<std::string>& output_names() const { return output_names_; }

  // Every use of `from` as a node input or graph output becomes a use of `to`.
  void ReplaceUses(ValueId from, ValueId to);
  // Outputs only.
  void ReplaceOutputs(ValueId from, ValueId to);
  // Nodes that read each value; a node that reads it twice is listed twice.
  std::vector<std::vector<NodeId>> Consumers() const;

  // Drops every node that no output needs and every value that nothing uses (inputs stay), sorts
  // the nodes topologically and renumbers. Errors: INVALID_ARGUMENT naming a node on a cycle.
  Status Compact();

  // One node a line, for messages and tests.
  std::string ToString() const;

 private:
  ValueId AddValue(Value value);
  std::string UniqueName(std::string name);

  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> weights_;
  std::vector<ValueId> outputs_;
  std::vector<std::string> output_names_;
  std::map<std::string, int, std::less<>> names_;  // name -> next suffix to try
};

// Ids in range, names unique, one producer per value, nodes in topological order, operators known
// to the schema table with a legal number of inputs. Errors: INTERNAL listing every problem.
Status Verify(const Graph& graph);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_GRAPH_H_
