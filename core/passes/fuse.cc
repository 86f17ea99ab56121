#include "core/passes/fuse.h"

#include <algorithm>
#include <array>
#include <limits>

namespace midstream::passes {
namespace {

bool IsTrueMatrix(const Graph& graph, ValueId value) {
  const Shape& shape = graph.value(value).shape;
  return shape.rank_known() && shape.rank() == 2;
}

// B as it is or transposed: a Transpose of a weight is read in place.
void UseMatrix(Graph& graph, Node& node, bool transposed) {
  const Node* transpose = TransposeOf(graph, node.inputs[1]);
  if (transpose != nullptr) {
    node.inputs[1] = transpose->inputs[0];
    transposed = !transposed;
  }
  node.attrs.clear();
  if (transposed) node.attrs["transpose_b"] = int64_t{1};
  node.op = "MatMul";
  node.domain = kMidstreamDomain;
}

bool ConvertMatMul(Graph& graph, Node& node, StaticValues& is_static) {
  const Value& a = graph.value(node.inputs[0]);
  bool fits = IsFloat(a.dtype) && a.shape.rank_known() && a.shape.rank() >= 2 &&
              IsTrueMatrix(graph, node.inputs[1]) && is_static.Contains(node.inputs[1]);
  if (fits) UseMatrix(graph, node, false);
  return fits;
}

bool ConvertGemm(Graph& graph, NodeId id, StaticValues& is_static) {
  const Node& node = graph.node(id);
  bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
  bool plain = node.Int("transA", 0) == 0 && node.Float("alpha", 1) == 1 &&
               (!has_bias || node.Float("beta", 1) == 1);
  if (!plain || !IsFloat(graph.value(node.inputs[0]).dtype) ||
      !is_static.Contains(node.inputs[1])) {
    return false;
  }
  if (has_bias) {
    int64_t columns = graph.value(node.outputs[0]).shape[1];
    ValueId bias = node.inputs[2];
    if (!is_static.Contains(bias) || !IsPerChannel(graph.value(bias).shape, 2, 1, columns)) {
      return false;
    }
    bias = AddReshape(graph, bias, {columns});
    graph.node(id).inputs[2] = bias;
  }
  Node& gemm = graph.node(id);
  UseMatrix(graph, gemm, gemm.Int("transB", 0) != 0);
  return true;
}

// The value of a float scalar constant.
std::optional<double> ConstantFloat(const Graph& graph, ValueId value) {
  const Tensor& tensor = graph.value(value).constant;
  if (tensor.count() != 1) return std::nullopt;
  if (tensor.dtype() == DType::kF32) return tensor.as<float>()[0];
  if (tensor.dtype() == DType::kF64) return tensor.as<double>()[0];
  return std::nullopt;
}

struct Activation {
  std::string name;
  std::vector<double> params;
};

std::optional<Activation> ClipActivation(const Graph& graph, const Node& node) {
  Activation clip{
      "Clip", {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()}};
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    auto bound = ConstantFloat(graph, node.inputs[i]);
    if (!bound) return std::nullopt;
    clip.params[i - 1] = *bound;
  }
  return clip;
}

std::optional<Activation> AsActivation(const Graph& graph, const Node& node) {
  if (!node.domain.empty()) return std::nullopt;
  if (node.op == "Relu" || node.op == "Sigmoid" || node.op == "Tanh") {
    return Activation{node.op, {}};
  }
  if (node.op == "Gelu" && node.String("approximate", "none") == "tanh") {
    return Activation{"Gelu", {}};
  }
  if (node.op == "LeakyRelu") return Activation{node.op, {node.Float("alpha", 0.01)}};
  if (node.op == "Elu") return Activation{node.op, {node.Float("alpha", 1.0)}};
  if (node.op == "Clip") return ClipActivation(graph, node);
  return std::nullopt;
}

class Fuser {
 public:
  Fuser(Graph& graph, const std::vector<std::string>& keep)
      : graph_(graph),
        keep_(keep),
        static_(graph),
        uses_(UseCounts(graph)),
        readers_(graph.Consumers()) {}

  void Run() {
    auto count = static_cast<NodeId>(graph_.nodes().size());
    for (NodeId id = 0; id < count; ++id) {
      const Node& node = graph_.node(id);
      bool conv = node.op == "Conv";
      if (!conv && node.op != "MatMul" && node.op != "Gemm") continue;
      bool transposed = node.Is("MatMul") && TransposeOf(graph_, node.inputs[1]) != nullptr;
      if (node.op == "Gemm" || transposed) UseFusedOperator(graph_, id, static_);
      FuseBias(id, conv);
      FuseActivation(id);
    }
  }

 private:
  // The one node that reads the result, unless it or the matrix operator is to be kept.
  NodeId OnlyReader(NodeId id) const {
    ValueId result = graph_.node(id).outputs[0];
    if (uses_[result] != 1 || readers_[result].size() != 1) return kNoNode;
    NodeId reader = readers_[result][0];
    bool kept = IsKept(keep_, graph_.node(id).name) != IsKept(keep_, graph_.node(reader).name);
    return kept ? kNoNode : reader;
  }

  // The node takes the place of its reader.
  void Absorb(NodeId id, NodeId reader) {
    ValueId result = graph_.node(id).outputs[0];
    ValueId last = graph_.node(reader).outputs[0];
    graph_.ReplaceUses(last, result);
    uses_[result] = uses_[last];
    readers_[result] = readers_[last];
  }

  void FuseBias(NodeId id, bool conv) {
    NodeId reader = OnlyReader(id);
    if (reader == kNoNode || !graph_.node(reader).Is("Add")) return;
    const Node& node = graph_.node(id);
    if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) return;
    if (!node.String("activation", "").empty()) return;
    const Value& result = graph_.value(node.outputs[0]);
    const Node& add = graph_.node(reader);
    ValueId bias = add.inputs[0] == node.outputs[0] ? add.inputs[1] : add.inputs[0];
    if (!static_.Contains(bias) || !result.shape.rank_known() || result.shape.rank() == 0) return;
    bool channels_last = !conv || node.String("data_layout", "NCHW") == "NHWC";
    size_t rank = result.shape.rank();
    size_t axis = channels_last ? rank - 1 : 1;
    int64_t channels = result.shape[axis];
    if (!IsPerChannel(graph_.value(bias).shape, rank, axis, channels)) return;
    if (!UseFusedOperator(graph_, id, static_)) return;
    bias = AddReshape(graph_, bias, {channels});
    graph_.node(id).inputs.resize(3, kNoValue);
    graph_.node(id).inputs[2] = bias;
    Absorb(id, reader);
  }

  void FuseActivation(NodeId id) {
    NodeId reader = OnlyReader(id);
    if (reader == kNoNode || !graph_.node(id).String("activation", "").empty()) return;
    auto activation = AsActivation(graph_, graph_.node(reader));
    if (!activation || graph_.node(reader).inputs[0] != graph_.node(id).outputs[0]) return;
    if (!UseFusedOperator(graph_, id, static_)) return;
    Node& node = graph_.node(id);
    node.attrs["activation"] = activation->name;
    if (!activation->params.empty()) node.attrs["activation_params"] = activation->params;
    Absorb(id, reader);
  }

  Graph& graph_;
  const std::vector<std::string>& keep_;
  StaticValues static_;
  std::vector<int> uses_;
  std::vector<std::vector<NodeId>> readers_;
};

}  // namespace

bool UseFusedOperator(Graph& graph, NodeId id, StaticValues& is_static) {
  Node& node = graph.node(id);
  if (node.domain == kMidstreamDomain) return node.op == "Conv" || node.op == "MatMul";
  if (!node.domain.empty()) return false;
  if (node.op == "Conv") {
    node.domain = kMidstreamDomain;
    return true;
  }
  if (node.op == "MatMul") return ConvertMatMul(graph, node, is_static);
  return node.op == "Gemm" && ConvertGemm(graph, id, is_static);
}

Status Fuse(Graph& graph, const std::vector<std::string>& keep) {
  Fuser(graph, keep).Run();
  return graph.Compact();
}

}  // namespace midstream::passes
