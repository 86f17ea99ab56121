#include "core/passes/sink.h"

#include <algorithm>
#include <string_view>

#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

template <size_t kCount>
bool IsOneOf(const Node& node, const std::string_view (&names)[kCount]) {
  return node.domain.empty() &&
         std::find(std::begin(names), std::end(names), node.op) != std::end(names);
}

constexpr std::string_view kElementwise[] = {
    "Abs",       "Add",     "And",         "Cast",     "Ceil",
    "Clip",      "Div",     "Elu",         "Equal",    "Erf",
    "Exp",       "Floor",   "Gelu",        "Greater",  "GreaterOrEqual",
    "LeakyRelu", "Less",    "LessOrEqual", "Log",      "Max",
    "Min",       "Mod",     "Mul",         "Neg",      "Not",
    "Or",        "Pow",     "Reciprocal",  "Relu",     "Round",
    "Selu",      "Sigmoid", "Sign",        "Softplus", "Softsign",
    "Sqrt",      "Sub",     "Tanh",        "Where",    "Xor"};
constexpr std::string_view kReductions[] = {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
                                            "ReduceSum"};
constexpr std::string_view kArgReductions[] = {"ArgMax", "ArgMin"};
constexpr std::string_view kAlongAxis[] = {"Softmax", "LogSoftmax"};

class Sinker {
 public:
  explicit Sinker(Graph& graph) : graph_(graph), static_(graph) {}

  // One walk down the graph is enough: a Transpose that moves below a node stands above that node's
  // readers, which come later.
  void Run() {
    auto count = static_cast<NodeId>(graph_.nodes().size());
    for (NodeId id = 0; id < count; ++id) SinkThrough(id);
  }

 private:
  void SinkThrough(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.outputs.size() != 1 || !node.domain.empty()) return;
    if (node.op == "Transpose") {
      Merge(id);
    } else if (IsOneOf(node, kElementwise) || node.op == "Concat") {
      Broadcasting(id);
    } else if (node.op == "Pad") {
      Pad(id);
    } else if (IsOneOf(node, kAlongAxis)) {
      AlongAxis(id);
    } else if (IsOneOf(node, kReductions)) {
      Reduce(id);
    } else if (IsOneOf(node, kArgReductions)) {
      ArgReduce(id);
    }
  }

  void Merge(NodeId id) {
    Node& node = graph_.node(id);
    const Node* inner = TransposeOf(graph_, node.inputs[0]);
    if (inner == nullptr) return;
    Permutation perm = Compose(PermOf(graph_, *inner), PermOf(graph_, node));
    ValueId source = inner->inputs[0];
    node.inputs[0] = source;
    if (IsIdentity(perm)) graph_.ReplaceUses(node.outputs[0], source);
    node.attrs["perm"] = std::move(perm);
  }

  // The permutation of the node's first transposed operand of full rank, data before weights; empty
  // if there is none.
  Permutation OperandPerm(const Node& node) {
    size_t rank = graph_.value(node.outputs[0]).shape.rank();
    Permutation found;
    for (ValueId in : node.inputs) {
      const Node* transpose = TransposeOf(graph_, in);
      if (transpose == nullptr) continue;
      Permutation perm = PermOf(graph_, *transpose);
      if (perm.size() != rank) continue;
      if (!static_.Contains(in)) return perm;
      if (found.empty()) found = std::move(perm);
    }
    return found;
  }

  void Broadcasting(NodeId id) {
    if (!graph_.value(graph_.node(id).outputs[0]).shape.rank_known()) return;
    Permutation perm = OperandPerm(graph_.node(id));
    if (perm.empty()) return;
    std::vector<ValueId> inputs = graph_.node(id).inputs;
    bool broadcasts = graph_.node(id).op != "Concat";
    for (ValueId in : inputs) {
      if (!CanUndo(in, perm, broadcasts)) return;
    }
    for (ValueId& in : inputs) in = Undo(in, perm, broadcasts);
    graph_.node(id).inputs = std::move(inputs);
    if (!broadcasts) {
      Node& concat = graph_.node(id);
      auto axis = static_cast<size_t>(NormalAxis(concat.Int("axis", 0), perm.size()));
      concat.attrs["axis"] = perm[axis];
    }
    TransposeBelow(id, perm);
  }

  bool CanUndo(ValueId value, const Permutation& perm, bool broadcasts) {
    if (value == kNoValue) return true;
    const Node* transpose = TransposeOf(graph_, value);
    if (transpose != nullptr && PermOf(graph_, *transpose) == perm) return true;
    const Shape& shape = graph_.value(value).shape;
    if (!shape.IsFullyKnown() || shape.rank() > perm.size()) return false;
    return static_.Contains(value) || (broadcasts && IsOneElement(shape));
  }

  static bool IsOneElement(const Shape& shape) {
    return std::all_of(shape.dims().begin(), shape.dims().end(), [](int64_t d) { return d == 1; });
  }

  // The operand as it is before a Transpose by `perm`. Requires: CanUndo.
  ValueId Undo(ValueId value, const Permutation& perm, bool broadcasts) {
    if (value == kNoValue) return value;
    const Node* transpose = TransposeOf(graph_, value);
    if (transpose != nullptr && PermOf(graph_, *transpose) == perm) return transpose->inputs[0];
    std::vector<int64_t> dims = graph_.value(value).shape.dims();
    if (broadcasts && IsOneElement(dims)) return value;
    Permutation inverse = Inverse(perm);
    dims.insert(dims.begin(), perm.size() - dims.size(), 1);
    std::vector<int64_t> target = Permuted(dims, inverse);
    if (!KeepsOrder(dims, inverse)) {
      return AddTranspose(graph_, AddReshape(graph_, value, dims), inverse);
    }
    if (broadcasts) {
      auto first = std::find_if(target.begin(), target.end(), [](int64_t d) { return d != 1; });
      target.erase(target.begin(), first);
    }
    return AddReshape(graph_, value, target);
  }

 public:
  // A Transpose of these dims moves no element.
  static bool KeepsOrder(const std::vector<int64_t>& dims, const Permutation& perm) {
    int64_t last = -1;
    for (int64_t axis : perm) {
      if (dims[static_cast<size_t>(axis)] == 1) continue;
      if (axis < last) return false;
      last = axis;
    }
    return true;
  }

 private:
  // The node now computes what it did, before the Transpose: fix its shape and transpose its
  // result.
  void TransposeBelow(NodeId id, const Permutation& perm) {
    Value& result = graph_.value(graph_.node(id).outputs[0]);
    if (result.shape.rank_known()) result.shape = Permuted(result.shape.dims(), Inverse(perm));
    TransposeResult(graph_, id, perm);
  }

  // The Transpose that makes operand 0, if there is one.
  const Node* DataTranspose(NodeId id) const {
    return TransposeOf(graph_, graph_.node(id).inputs[0]);
  }

  void Pad(NodeId id) {
    const Node* transpose = DataTranspose(id);
    const Node& node = graph_.node(id);
    auto pads = ConstantInts(graph_, node.inputs[1]);
    bool has_axes = node.inputs.size() > 3 && node.inputs[3] != kNoValue;
    if (transpose == nullptr || !pads || has_axes) return;
    Permutation perm = PermOf(graph_, *transpose);
    size_t rank = perm.size();
    if (pads->size() != 2 * rank) return;
    std::vector<int64_t> moved(2 * rank);
    for (size_t i = 0; i < rank; ++i) {
      auto axis = static_cast<size_t>(perm[i]);
      moved[axis] = (*pads)[i];
      moved[rank + axis] = (*pads)[rank + i];
    }
    ValueId source = transpose->inputs[0];
    ValueId constant = graph_.AddConstant(node.name + "/pads", Tensor::FromInts(moved));
    graph_.node(id).inputs[0] = source;
    graph_.node(id).inputs[1] = constant;
    TransposeBelow(id, perm);
  }

  void AlongAxis(NodeId id) {
    const Node* transpose = DataTranspose(id);
    if (transpose == nullptr) return;
    Permutation perm = PermOf(graph_, *transpose);
    ValueId source = transpose->inputs[0];
    Node& node = graph_.node(id);
    node.attrs["axis"] = perm[static_cast<size_t>(NormalAxis(node.Int("axis", -1), perm.size()))];
    node.inputs[0] = source;
    TransposeBelow(id, perm);
  }

  void Reduce(NodeId id) {
    const Node* transpose = DataTranspose(id);
    if (transpose == nullptr || graph_.node(id).inputs.size() < 2) return;
    auto axes = ConstantInts(graph_, graph_.node(id).inputs[1]);
    if (!axes || axes->empty()) return;
    Permutation perm = PermOf(graph_, *transpose);
    ValueId source = transpose->inputs[0];
    std::vector<int64_t> moved;
    for (int64_t axis : *axes) {
      moved.push_back(perm[static_cast<size_t>(NormalAxis(axis, perm.size()))]);
    }
    std::sort(moved.begin(), moved.end());
    ValueId constant = graph_.AddConstant(graph_.node(id).name + "/axes", Tensor::FromInts(moved));
    graph_.node(id).inputs[0] = source;
    graph_.node(id).inputs[1] = constant;
    BelowReduction(id, perm, moved);
  }

  void ArgReduce(NodeId id) {
    const Node* transpose = DataTranspose(id);
    if (transpose == nullptr) return;
    Permutation perm = PermOf(graph_, *transpose);
    ValueId source = transpose->inputs[0];
    Node& node = graph_.node(id);
    int64_t axis = perm[static_cast<size_t>(NormalAxis(node.Int("axis", 0), perm.size()))];
    node.attrs["axis"] = axis;
    node.inputs[0] = source;
    BelowReduction(id, perm, {axis});
  }

  // `reduced`: the axes of the node's new operand. Without keepdims the remaining axes close ranks.
  void BelowReduction(NodeId id, const Permutation& perm, const std::vector<int64_t>& reduced) {
    if (graph_.node(id).Int("keepdims", 1) != 0) return TransposeBelow(id, perm);
    auto gone = [&](int64_t axis) {
      return std::find(reduced.begin(), reduced.end(), axis) != reduced.end();
    };
    Permutation rest;
    for (int64_t axis : perm) {
      if (gone(axis)) continue;
      rest.push_back(axis - std::count_if(reduced.begin(), reduced.end(),
                                          [&](int64_t r) { return r < axis; }));
    }
    if (!IsIdentity(rest)) TransposeBelow(id, rest);
  }

  Graph& graph_;
  StaticValues static_;
};

}  // namespace

int CountDataTransposes(const Graph& graph) {
  StaticValues is_static(graph);
  return static_cast<int>(
      std::count_if(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) {
        return node.Is("Transpose") && !is_static.Contains(node.outputs[0]);
      }));
}

Status SinkTransposes(Graph& graph) {
  Graph sunk = graph;
  Sinker(sunk).Run();
  MS_RETURN_IF_ERROR(sunk.Compact());
  if (CountDataTransposes(sunk) <= CountDataTransposes(graph)) graph = std::move(sunk);
  return OkStatus();
}

void TransposesToReshapes(Graph& graph) {
  auto count = static_cast<NodeId>(graph.nodes().size());
  for (NodeId id = 0; id < count; ++id) {
    const Node& node = graph.node(id);
    if (!node.Is("Transpose")) continue;
    const Shape& from = graph.value(node.inputs[0]).shape;
    auto dims = ReshapeDims(graph.value(node.outputs[0]).shape);
    if (!dims || !from.rank_known() || !Sinker::KeepsOrder(from.dims(), PermOf(graph, node))) {
      continue;
    }
    MakeReshape(graph, id, node.inputs[0], *dims);
  }
}

}  // namespace midstream::passes
