#include "core/passes/simplify.h"

#include <algorithm>

#include "core/graph/op_schema.h"
#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

bool AllEqual(const std::vector<int64_t>& values, int64_t expected) {
  return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == expected; });
}

// Moves no element: only the shape changes.
bool IsReshapeLike(const Node& node) {
  return node.Is("Reshape") || node.Is("Flatten") || node.Is("Squeeze") || node.Is("Unsqueeze");
}

// Two shapes of one element count that cannot differ: at most one dimension is unknown, in the same
// place, and the others leave it no choice.
bool MustBeEqual(const Shape& a, const Shape& b) {
  if (!a.rank_known() || a != b) return false;
  return a.IsFullyKnown() || ReshapeDims(a).has_value();
}

bool SlicesNothing(const Graph& graph, const Node& node) {
  const Shape& from = graph.value(node.inputs[0]).shape;
  const Shape& to = graph.value(node.outputs[0]).shape;
  if (!from.rank_known() || from.dims().size() != to.dims().size()) return false;
  if (node.inputs.size() > 4 && node.inputs[4] != kNoValue) {
    auto steps = ConstantInts(graph, node.inputs[4]);
    if (!steps || !AllEqual(*steps, 1)) return false;
  }
  std::vector<int64_t> axes(from.rank());
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
  if (node.inputs.size() > 3 && node.inputs[3] != kNoValue) {
    auto given = ConstantInts(graph, node.inputs[3]);
    if (!given) return false;
    axes = *given;
  }
  return std::all_of(axes.begin(), axes.end(), [&](int64_t axis) {
    auto i = static_cast<size_t>(NormalAxis(axis, from.rank()));
    return from[i] >= 0 && from[i] == to[i];
  });
}

bool PadsNothing(const Graph& graph, const Node& node) {
  auto pads = ConstantInts(graph, node.inputs[1]);
  return pads && AllEqual(*pads, 0);
}

// True if output 0 is input 0, bit for bit.
bool PassesOn(const Graph& graph, const Node& node) {
  if (!node.domain.empty() || node.inputs.empty() || node.inputs[0] == kNoValue) return false;
  const Value& from = graph.value(node.inputs[0]);
  const Value& to = graph.value(node.outputs[0]);
  if (node.op == "Identity") return true;
  if (node.op == "Cast") return from.dtype == to.dtype;
  if (node.op == "Transpose") {
    Permutation perm = PermOf(graph, node);
    return !perm.empty() ? IsIdentity(perm) : from.shape == Shape();
  }
  if (IsReshapeLike(node)) return MustBeEqual(from.shape, to.shape);
  if (node.op == "Expand") return from.shape.IsFullyKnown() && from.shape == to.shape;
  if (node.op == "Concat" || node.op == "Max" || node.op == "Min") return node.inputs.size() == 1;
  if (node.op == "Pad") return PadsNothing(graph, node);
  if (node.op == "Slice") return SlicesNothing(graph, node);
  return false;
}

bool MergeTransposes(Graph& graph, Node& node) {
  if (!node.Is("Transpose")) return false;
  const Node* inner = TransposeOf(graph, node.inputs[0]);
  if (inner == nullptr) return false;
  node.attrs["perm"] = Compose(PermOf(graph, *inner), PermOf(graph, node));
  node.inputs[0] = inner->inputs[0];
  return true;
}

bool MergeReshapes(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!IsReshapeLike(node)) return false;
  const Node* inner = Producer(graph, node.inputs[0]);
  if (inner == nullptr || !IsReshapeLike(*inner)) return false;
  auto dims = ReshapeDims(graph.value(node.outputs[0]).shape);
  if (!dims) return false;
  MakeReshape(graph, id, inner->inputs[0], *dims);
  return true;
}

bool MergeCasts(const Graph& graph, Node& node) {
  if (!node.Is("Cast")) return false;
  const Node* inner = Producer(graph, node.inputs[0], "Cast");
  if (inner == nullptr) return false;
  ValueId source = inner->inputs[0];
  if (!IsLossless(graph.value(source).dtype, graph.value(inner->outputs[0]).dtype)) return false;
  node.inputs[0] = source;
  return true;
}

// Optional outputs, from the last backwards.
bool DropUnreadOutputs(Node& node, const std::vector<int>& uses) {
  const OpSchema* schema = FindSchema(node.domain, node.op);
  if (schema == nullptr || schema->max_outputs < 0) return false;
  size_t before = node.outputs.size();
  auto needed = static_cast<size_t>(schema->min_outputs);
  while (node.outputs.size() > needed && uses[node.outputs.back()] == 0) node.outputs.pop_back();
  return node.outputs.size() != before;
}

bool SimplifyOnce(Graph& graph) {
  bool changed = false;
  std::vector<int> uses = UseCounts(graph);
  size_t count = graph.nodes().size();
  for (NodeId id = 0; id < count; ++id) {
    changed |= MergeTransposes(graph, graph.node(id));
    changed |= MergeReshapes(graph, id);
    changed |= MergeCasts(graph, graph.node(id));
    changed |= DropUnreadOutputs(graph.node(id), uses);
    const Node& node = graph.node(id);
    if (PassesOn(graph, node) && uses[node.outputs[0]] > 0) {
      graph.ReplaceUses(node.outputs[0], node.inputs[0]);
      changed = true;
    }
  }
  return changed;
}

// Significant binary digits; 0 for what is no number.
int Digits(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return 1;
    case DType::kBF16:
      return 8;
    case DType::kF16:
      return 11;
    case DType::kF32:
      return 24;
    case DType::kF64:
      return 53;
    default:
      break;
  }
  int bits = static_cast<int>(8 * DTypeSize(dtype));
  return IsSignedInteger(dtype) ? bits - 1 : bits;
}

}  // namespace

bool IsLossless(DType from, DType to) {
  if (from == to) return true;
  if (Digits(from) == 0 || Digits(to) == 0 || to == DType::kBool) return false;
  if (IsFloat(from) && !IsFloat(to)) return false;
  if (from == DType::kBF16 && to == DType::kF16) return false;  // the exponent does not fit
  if (IsSignedInteger(from) && IsUnsignedInteger(to)) return false;
  return Digits(from) <= Digits(to);
}

Status Simplify(Graph& graph) {
  bool changed = true;
  while (changed) {
    changed = SimplifyOnce(graph);
    MS_RETURN_IF_ERROR(graph.Compact());
  }
  return OkStatus();
}

}  // namespace midstream::passes
