// What the passes share: looking at a graph, and changing it a node at a time.
//
// A pass changes nodes in place where it can, because their names are what messages, traces and the
// `keep` list of the precision policy speak of, and leaves what became dead to Graph::Compact().
// Values that it adds get dtype and shape at once, so that the next rule sees them.
//
// References to nodes and values do not survive the addition of a node: hold ids.
#ifndef MIDSTREAM_CORE_PASSES_REWRITE_H_
#define MIDSTREAM_CORE_PASSES_REWRITE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/graph.h"
#include "core/passes/permutation.h"

namespace midstream::passes {

// The node that makes the value; nullptr for an absent value, an input, a weight or a constant.
const Node* Producer(const Graph& graph, ValueId value);
// The producer, if it is this operator; else nullptr.
const Node* Producer(const Graph& graph, ValueId value, std::string_view op,
                     std::string_view domain = kOnnxDomain);
// Producer, if this is a Transpose of known permutation.
const Node* TransposeOf(const Graph& graph, ValueId value);

// How often each value is read, by nodes and as a graph output.
std::vector<int> UseCounts(const Graph& graph);

// The same inputs always give the same outputs, and the core may compute them early.
bool IsPure(const Node& node);

// True if the list holds the name or a scope that it lies in: "conv1" and "conv1/Conv2D" both keep
// "conv1/Conv2D/window".
bool IsKept(const std::vector<std::string>& keep, std::string_view name);

// Which values depend on weights and constants only. Answers are remembered; values may be added
// while it lives, but what a value depends on must not change from static to not static or back.
class StaticValues {
 public:
  explicit StaticValues(const Graph& graph) : graph_(graph) {}
  bool Contains(ValueId value);

 private:
  enum class Answer : uint8_t { kUnknown, kNo, kYes };
  const Graph& graph_;
  std::vector<Answer> answers_;
};

// The integers of a constant; nullopt when the value is absent or not constant.
std::optional<std::vector<int64_t>> ConstantInts(const Graph& graph, ValueId value);
// Axis in [-rank, rank) -> [0, rank). Requires: shape inference accepted it.
inline int64_t NormalAxis(int64_t axis, size_t rank) {
  return axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
}
// The permutation of a Transpose (the default reverses the axes); empty while the rank is unknown.
Permutation PermOf(const Graph& graph, const Node& transpose);

// Graph::Add with the output's dtype and shape given.
ValueId AddTyped(Graph& graph, std::string op, std::string name, std::vector<ValueId> inputs,
                 Attributes attrs, DType dtype, Shape shape);
// Requires: the rank of `value` is that of perm.
ValueId AddTranspose(Graph& graph, ValueId value, const Permutation& perm);
// A Reshape to fully known dims; `value` itself when it has them already.
ValueId AddReshape(Graph& graph, ValueId value, std::vector<int64_t> dims);
// An elementwise operator over static values: dtype of the first, shapes broadcast.
ValueId AddElementwise(Graph& graph, std::string op, std::string name, std::vector<ValueId> inputs);

// The shape operand of a Reshape to `shape`, whatever it reshapes: nullopt when two dimensions are
// unknown, or one is while another is 0.
std::optional<std::vector<int64_t>> ReshapeDims(const Shape& shape);
// Turns the node into a Reshape of `value`. Requires: dims came from ReshapeDims.
void MakeReshape(Graph& graph, NodeId node, ValueId value, const std::vector<int64_t>& dims);

// Every use of `value` becomes a use of a constant that takes over its name.
void ReplaceByConstant(Graph& graph, ValueId value, Tensor tensor);
// Every graph output that is `from` becomes `to`; nodes go on reading `from`.
void ReplaceOutput(Graph& graph, ValueId from, ValueId to);
// Every use of the first output of `node` reads a Transpose of it instead.
void TransposeResult(Graph& graph, NodeId node, const Permutation& perm);

// `shape` broadcast against a result of this rank and these channels varies along `axis` only, and
// there has exactly one entry for each channel.
bool IsPerChannel(const Shape& shape, size_t rank, size_t axis, int64_t channels);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_REWRITE_H_
