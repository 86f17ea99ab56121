#include "core/passes/batch_norm.h"

#include <algorithm>

#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

bool IsPlainFloat(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF64; }

// dims of a [C] vector that broadcasts along axis 1 of a tensor of this rank.
std::vector<int64_t> AlongChannels(int64_t channels, size_t rank) {
  std::vector<int64_t> dims(rank - 1, 1);
  dims[0] = channels;
  return dims;
}

bool HasStaticParameters(const Graph& graph, const Node& norm, StaticValues& is_static) {
  const Value& x = graph.value(norm.inputs[0]);
  if (!IsPlainFloat(x.dtype) || !x.shape.rank_known() || x.shape.rank() < 2) return false;
  return std::all_of(norm.inputs.begin() + 1, norm.inputs.end(), [&](ValueId in) {
    return is_static.Contains(in) && graph.value(in).dtype == x.dtype &&
           graph.value(in).shape.IsFullyKnown();
  });
}

// x * inv + (bias - mean * inv) with inv = scale / sqrt(var + epsilon).
void WriteAsMulAdd(Graph& graph, NodeId id) {
  const Node norm = graph.node(id);
  const std::string& name = norm.name;
  const Value& x = graph.value(norm.inputs[0]);
  DType dtype = x.dtype;
  Shape shape = x.shape;
  auto epsilon = static_cast<float>(norm.Float("epsilon", 1e-5));
  ValueId eps =
      graph.AddConstant(name + "/epsilon",
                        dtype == DType::kF32 ? Tensor::Scalar(dtype, epsilon)
                                             : Tensor::Scalar(dtype, static_cast<double>(epsilon)));
  ValueId var = AddElementwise(graph, "Add", name + "/var", {norm.inputs[4], eps});
  ValueId root = AddElementwise(graph, "Sqrt", name + "/stddev", {var});
  ValueId inv = AddElementwise(graph, "Div", name + "/scale", {norm.inputs[1], root});
  ValueId centre = AddElementwise(graph, "Mul", name + "/centre", {norm.inputs[3], inv});
  ValueId shift = AddElementwise(graph, "Sub", name + "/shift", {norm.inputs[2], centre});
  std::vector<int64_t> dims = AlongChannels(graph.value(inv).shape[0], shape.rank());
  inv = AddReshape(graph, inv, dims);
  shift = AddReshape(graph, shift, dims);
  ValueId scaled =
      AddTyped(graph, "Mul", name + "/Mul", {norm.inputs[0], inv}, {}, dtype, std::move(shape));
  Node& add = graph.node(id);
  add.op = "Add";
  add.inputs = {scaled, shift};
  add.attrs.clear();
}

class Folder {
 public:
  Folder(Graph& graph, const std::vector<std::string>& keep)
      : graph_(graph), keep_(keep), static_(graph) {}

  void DecomposeAll() {
    auto count = static_cast<NodeId>(graph_.nodes().size());
    for (NodeId id = 0; id < count; ++id) {
      const Node& node = graph_.node(id);
      if (node.Is("BatchNormalization") && !IsKept(keep_, node.name) &&
          HasStaticParameters(graph_, node, static_)) {
        WriteAsMulAdd(graph_, id);
      }
    }
  }

  // One walk: a fold can only make one further down possible (Mul, Add, Mul, Add).
  void FoldAll() {
    uses_ = UseCounts(graph_);
    auto count = static_cast<NodeId>(graph_.nodes().size());
    for (NodeId id = 0; id < count; ++id) {
      const Node& node = graph_.node(id);
      if (node.outputs.size() != 1 || IsKept(keep_, node.name)) continue;
      if (node.Is("Mul")) {
        FoldMul(id);
      } else if (node.Is("Add")) {
        FoldAdd(id);
      }
    }
  }

 private:
  struct Operands {
    ValueId data = kNoValue;
    ValueId factor = kNoValue;  // static
  };
  // The operands of a commutative node with one static side; data is kNoValue otherwise.
  Operands Split(const Node& node) {
    bool first = static_.Contains(node.inputs[0]);
    if (first == static_.Contains(node.inputs[1])) return {};
    return first ? Operands{node.inputs[1], node.inputs[0]}
                 : Operands{node.inputs[0], node.inputs[1]};
  }

  // The producer, if nothing else reads what it makes and it may be changed.
  const Node* SoleProducer(ValueId value) const {
    const Node* node = Producer(graph_, value);
    return node == nullptr || uses_[value] != 1 || IsKept(keep_, node->name) ? nullptr : node;
  }

  static size_t ChannelAxis(const Node& node, size_t rank) {
    return node.op == "Conv" ? 1 : rank - 1;
  }

  // A Conv, MatMul or Gemm with static floating point weights whose result is fully described.
  bool IsFoldable(const Node* node) {
    if (node == nullptr || !(node->Is("Conv") || node->Is("MatMul") || node->Is("Gemm"))) {
      return false;
    }
    const Value& result = graph_.value(node->outputs[0]);
    const Value& weight = graph_.value(node->inputs[1]);
    bool bias_fits =
        node->inputs.size() < 3 || node->inputs[2] == kNoValue ||
        (static_.Contains(node->inputs[2]) && graph_.value(node->inputs[2]).shape.IsFullyKnown());
    return IsPlainFloat(result.dtype) && result.shape.rank_known() && result.shape.rank() >= 2 &&
           bias_fits && static_.Contains(node->inputs[1]) && weight.shape.IsFullyKnown() &&
           (node->op == "Conv" || weight.shape.rank() == 2);
  }

  bool VariesAlongChannels(const Node& matrix, ValueId value) const {
    const Shape& result = graph_.value(matrix.outputs[0]).shape;
    size_t axis = ChannelAxis(matrix, result.rank());
    return IsPerChannel(graph_.value(value).shape, result.rank(), axis, result[axis]);
  }

  // Matrix(+Add) * factor -> Matrix'(+Add').
  void FoldMul(NodeId id) {
    Operands mul = Split(graph_.node(id));
    const Node* below = SoleProducer(mul.data);
    Operands add;
    NodeId add_id = kNoNode;
    if (below != nullptr && below->Is("Add")) {
      add_id = graph_.value(mul.data).producer;
      add = Split(*below);
      below = SoleProducer(add.data);
    }
    if (!IsFoldable(below) || !VariesAlongChannels(*below, mul.factor)) return;
    if (add_id != kNoNode && !VariesAlongChannels(*below, add.factor)) return;
    ValueId result = below->outputs[0];
    ScaleWeights(graph_.value(result).producer, mul.factor);
    if (add_id != kNoNode) {
      ValueId bias = Scaled(add.factor, mul.factor);
      graph_.node(add_id).inputs = {result, bias};
    }
    Bypass(id, mul.data);
  }

  // (x + a) + b -> x + (a + b); Matrix with bias a, + b -> Matrix with bias a + b.
  void FoldAdd(NodeId id) {
    Operands outer = Split(graph_.node(id));
    const Node* below = SoleProducer(outer.data);
    if (below == nullptr) return;
    bool is_add = below->Is("Add");
    Operands inner = is_add ? Split(*below) : Operands{};
    const Node* matrix = is_add ? SoleProducer(inner.data) : below;
    if (!IsFoldable(matrix) || !VariesAlongChannels(*matrix, outer.factor)) return;
    NodeId target = graph_.value(outer.data).producer;
    if (is_add) {
      if (!VariesAlongChannels(*matrix, inner.factor)) return;
      ValueId sum = Sum(inner.factor, outer.factor);
      graph_.node(target).inputs = {inner.data, sum};
    } else {
      if (matrix->op != "Conv" || matrix->inputs.size() < 3 || matrix->inputs[2] == kNoValue) {
        return;
      }
      ValueId bias = matrix->inputs[2];
      ValueId sum = Sum(bias, AddReshape(graph_, outer.factor, graph_.value(bias).shape.dims()));
      graph_.node(target).inputs[2] = sum;
    }
    Bypass(id, outer.data);
  }

  // Who read the result of the node reads `value`, which only the node did.
  void Bypass(NodeId id, ValueId value) {
    ValueId result = graph_.node(id).outputs[0];
    graph_.ReplaceUses(result, value);
    uses_[value] = uses_[result];
  }

  ValueId Scaled(ValueId value, ValueId factor) {
    return AddElementwise(graph_, "Mul", graph_.value(value).name + "/Mul", {value, factor});
  }
  ValueId Sum(ValueId a, ValueId b) {
    return AddElementwise(graph_, "Add", graph_.value(a).name + "/Add", {a, b});
  }

  void ScaleWeights(NodeId id, ValueId factor) {
    const Node matrix = graph_.node(id);
    Shape weight = graph_.value(matrix.inputs[1]).shape;
    Shape result = graph_.value(matrix.outputs[0]).shape;
    int64_t channels = result[ChannelAxis(matrix, result.rank())];
    bool rows = matrix.op == "Conv" || matrix.Int("transB", 0) != 0;
    std::vector<int64_t> dims = {channels};
    if (rows) dims.resize(weight.rank(), 1);
    ValueId vector = AddReshape(graph_, factor, {channels});
    ValueId scaled = Scaled(matrix.inputs[1], AddReshape(graph_, vector, dims));
    graph_.node(id).inputs[1] = scaled;
    if (matrix.inputs.size() < 3 || matrix.inputs[2] == kNoValue) return;
    ValueId bias = Scaled(matrix.inputs[2], vector);
    graph_.node(id).inputs[2] = bias;
  }

  Graph& graph_;
  const std::vector<std::string>& keep_;
  StaticValues static_;
  std::vector<int> uses_;
};

}  // namespace

Status FoldBatchNorm(Graph& graph, const std::vector<std::string>& keep) {
  Folder(graph, keep).DecomposeAll();
  MS_RETURN_IF_ERROR(graph.Compact());  // the new nodes in their places
  Folder(graph, keep).FoldAll();
  return graph.Compact();
}

}  // namespace midstream::passes
