#include "core/passes/rewrite.h"

#include <algorithm>
#include <array>

namespace midstream::passes {

const Node* Producer(const Graph& graph, ValueId value) {
  if (value == kNoValue || graph.value(value).kind != ValueKind::kNode) return nullptr;
  return &graph.node(graph.value(value).producer);
}

const Node* Producer(const Graph& graph, ValueId value, std::string_view op,
                     std::string_view domain) {
  const Node* node = Producer(graph, value);
  return node != nullptr && node->Is(op, domain) ? node : nullptr;
}

const Node* TransposeOf(const Graph& graph, ValueId value) {
  const Node* node = Producer(graph, value, "Transpose");
  return node != nullptr && !PermOf(graph, *node).empty() ? node : nullptr;
}

std::vector<int> UseCounts(const Graph& graph) {
  std::vector<int> counts(graph.values().size(), 0);
  for (const Node& node : graph.nodes()) {
    for (ValueId in : node.inputs) {
      if (in != kNoValue) ++counts[in];
    }
  }
  for (ValueId out : graph.outputs()) ++counts[out];
  return counts;
}

bool IsPure(const Node& node) {
  static constexpr std::array<std::string_view, 7> kImpure = {
      "Bernoulli",        "Multinomial",   "PythonModel",      "RandomNormal",
      "RandomNormalLike", "RandomUniform", "RandomUniformLike"};
  return std::find(kImpure.begin(), kImpure.end(), node.op) == kImpure.end();
}

bool IsKept(const std::vector<std::string>& keep, std::string_view name) {
  return std::any_of(keep.begin(), keep.end(), [&](const std::string& entry) {
    return name.starts_with(entry) && (name.size() == entry.size() || name[entry.size()] == '/');
  });
}

bool StaticValues::Contains(ValueId value) {
  if (value == kNoValue) return true;
  if (value < answers_.size() && answers_[value] != Answer::kUnknown) {
    return answers_[value] == Answer::kYes;
  }
  // Depth first with an own stack: the path through a deep network is longer than a thread's stack.
  std::vector<ValueId> stack = {value};
  answers_.resize(graph_.values().size(), Answer::kUnknown);
  while (!stack.empty()) {
    ValueId top = stack.back();
    const Node* node = Producer(graph_, top);
    Answer answer = Answer::kYes;
    if (node == nullptr) {
      answer = graph_.value(top).kind == ValueKind::kInput ? Answer::kNo : Answer::kYes;
    } else if (!IsPure(*node)) {
      answer = Answer::kNo;
    } else {
      for (ValueId in : node->inputs) {
        if (in == kNoValue || answers_[in] == Answer::kYes) continue;
        answer = answers_[in];
        if (answer == Answer::kUnknown) stack.push_back(in);
        break;
      }
    }
    if (answer == Answer::kUnknown) continue;
    answers_[top] = answer;
    stack.pop_back();
  }
  return answers_[value] == Answer::kYes;
}

std::optional<std::vector<int64_t>> ConstantInts(const Graph& graph, ValueId value) {
  if (value == kNoValue || graph.value(value).constant.empty()) return std::nullopt;
  auto ints = graph.value(value).constant.ToInts();
  if (!ints.ok()) return std::nullopt;
  return *std::move(ints);
}

Permutation PermOf(const Graph& graph, const Node& transpose) {
  if (transpose.Has("perm")) return transpose.Ints("perm");
  const Shape& shape = graph.value(transpose.inputs[0]).shape;
  Permutation perm;
  if (!shape.rank_known()) return perm;
  for (size_t i = shape.rank(); i > 0; --i) perm.push_back(static_cast<int64_t>(i - 1));
  return perm;
}

ValueId AddTyped(Graph& graph, std::string op, std::string name, std::vector<ValueId> inputs,
                 Attributes attrs, DType dtype, Shape shape) {
  ValueId value = graph.Add(std::move(op), std::move(name), std::move(inputs), std::move(attrs));
  graph.value(value).dtype = dtype;
  graph.value(value).shape = std::move(shape);
  return value;
}

ValueId AddTranspose(Graph& graph, ValueId value, const Permutation& perm) {
  const Value& from = graph.value(value);
  Shape shape = from.shape.rank_known() ? Shape(Permuted(from.shape.dims(), perm)) : from.shape;
  return AddTyped(graph, "Transpose", from.name + "/Transpose", {value}, {{"perm", perm}},
                  from.dtype, std::move(shape));
}

ValueId AddReshape(Graph& graph, ValueId value, std::vector<int64_t> dims) {
  if (graph.value(value).shape == Shape(dims)) return value;
  DType dtype = graph.value(value).dtype;
  std::string name = graph.value(value).name + "/Reshape";
  ValueId target = graph.AddConstant(name + "/shape", Tensor::FromInts(dims));
  return AddTyped(graph, "Reshape", name, {value, target}, {}, dtype, Shape(std::move(dims)));
}

ValueId AddElementwise(Graph& graph, std::string op, std::string name,
                       std::vector<ValueId> inputs) {
  std::vector<int64_t> dims;
  for (ValueId in : inputs) {
    std::vector<int64_t> other = graph.value(in).shape.dims();
    if (other.size() > dims.size()) std::swap(dims, other);
    size_t offset = dims.size() - other.size();
    for (size_t i = 0; i < other.size(); ++i) {
      if (dims[offset + i] == 1) dims[offset + i] = other[i];
    }
  }
  DType dtype = graph.value(inputs[0]).dtype;
  return AddTyped(graph, std::move(op), std::move(name), std::move(inputs), {}, dtype,
                  Shape(std::move(dims)));
}

std::optional<std::vector<int64_t>> ReshapeDims(const Shape& shape) {
  if (!shape.rank_known()) return std::nullopt;
  const std::vector<int64_t>& dims = shape.dims();
  auto unknown = std::count(dims.begin(), dims.end(), kUnknownDim);
  bool has_zero = std::find(dims.begin(), dims.end(), 0) != dims.end();
  if (unknown > 1 || has_zero) return std::nullopt;
  return dims;  // kUnknownDim is Reshape's "work it out"
}

void MakeReshape(Graph& graph, NodeId node, ValueId value, const std::vector<int64_t>& dims) {
  ValueId target = graph.AddConstant(graph.node(node).name + "/shape", Tensor::FromInts(dims));
  Node& reshape = graph.node(node);
  reshape.op = "Reshape";
  reshape.inputs = {value, target};
  reshape.attrs.clear();
}

void ReplaceByConstant(Graph& graph, ValueId value, Tensor tensor) {
  ValueId constant = graph.AddConstant(graph.value(value).name, std::move(tensor));
  std::swap(graph.value(value).name, graph.value(constant).name);
  graph.ReplaceUses(value, constant);
}

void ReplaceOutput(Graph& graph, ValueId from, ValueId to) {
  std::vector<std::vector<ValueId>> read;
  for (const Node& node : graph.nodes()) read.push_back(node.inputs);
  graph.ReplaceUses(from, to);
  for (NodeId id = 0; id < read.size(); ++id) graph.node(id).inputs = std::move(read[id]);
}

void TransposeResult(Graph& graph, NodeId node, const Permutation& perm) {
  ValueId result = graph.node(node).outputs[0];
  ValueId transposed = AddTranspose(graph, result, perm);
  graph.ReplaceUses(result, transposed);
  graph.node(graph.value(transposed).producer).inputs[0] = result;
}

bool IsPerChannel(const Shape& shape, size_t rank, size_t axis, int64_t channels) {
  if (!shape.IsFullyKnown() || shape.rank() > rank || channels < 0) return false;
  size_t offset = rank - shape.rank();
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (offset + i != axis && shape[i] != 1) return false;
  }
  int64_t entries = axis < offset ? 1 : shape[axis - offset];
  return entries == channels;
}

}  // namespace midstream::passes
