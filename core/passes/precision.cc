// How each kind of operator gets its dtype; which modes there are: precision_mode.cc.
//
//   kind        operators                            operands and results
//   matrix      Conv, MatMul, Gemm                   policy.matrix -> policy.matrix_output
//   clear       move or compare elements             the dtype the data comes in: exact anyway
//   tolerant    lose little in half precision        as clear if policy.follow_operands (the gray
//                                                    list of the mixed modes), else policy.other
//   sensitive   everything else (Exp, Pow, means)    policy.other
//   free        Cast                                 reads any dtype, makes what it says
//   exact       Range, nodes of policy.keep          float32
//   derived     what depends on weights only         float32: only the result is rounded
#include "core/passes/precision.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "core/passes/fuse.h"
#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

constexpr std::string_view kClear[] = {
    "Abs",       "ArgMax",    "ArgMin",   "Ceil",    "Concat",        "Expand",    "Flatten",
    "Floor",     "Gather",    "Identity", "MaxPool", "GlobalMaxPool", "Neg",       "Pad",
    "ReduceMax", "ReduceMin", "Relu",     "Reshape", "Round",         "Shape",     "Sign",
    "Size",      "Slice",     "Split",    "Squeeze", "Tile",          "Transpose", "Unsqueeze"};
constexpr std::string_view kTolerant[] = {"Add",
                                          "AveragePool",
                                          "BatchNormalization",
                                          "Clip",
                                          "Div",
                                          "Elu",
                                          "Equal",
                                          "Erf",
                                          "GlobalAveragePool",
                                          "Greater",
                                          "GreaterOrEqual",
                                          "LeakyRelu",
                                          "Less",
                                          "LessOrEqual",
                                          "Log",
                                          "LogSoftmax",
                                          "Max",
                                          "Min",
                                          "Mul",
                                          "Reciprocal",
                                          "ReduceProd",
                                          "Selu",
                                          "Sigmoid",
                                          "Softmax",
                                          "Softplus",
                                          "Softsign",
                                          "Sqrt",
                                          "Sub",
                                          "Tanh",
                                          "Where"};

template <size_t kCount>
bool IsIn(const std::string_view (&list)[kCount], const std::string& op) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

class Caster {
 public:
  Caster(Graph& graph, const PrecisionPolicy& policy)
      : graph_(graph), policy_(policy), static_(graph) {
    for (const Value& value : graph.values()) ours_.push_back(value.dtype == DType::kF32);
  }

  void Run() {
    auto count = static_cast<NodeId>(graph_.nodes().size());
    for (NodeId id = 0; id < count; ++id) SetPrecision(id);
    std::vector<ValueId> outputs = graph_.outputs();
    for (ValueId out : outputs) {
      if (Ours(out) && graph_.value(out).dtype != DType::kF32) {
        ReplaceOutput(graph_, out, As(out, DType::kF32));
      }
    }
  }

 private:
  // Was float32 in the model.
  bool Ours(ValueId value) const {
    return value != kNoValue && value < ours_.size() && ours_[value];
  }

  void SetPrecision(NodeId id) {
    const Node& node = graph_.node(id);
    bool reads =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) { return Ours(in); });
    if (!reads || node.Is("Cast") || static_.Contains(node.outputs[0])) return;
    bool matrix = node.op == "Conv" || node.op == "MatMul" || node.op == "Gemm";
    if (IsKept(policy_.keep, node.name) || node.op == "Range") {
      UseDType(id, DType::kF32);
    } else if (matrix && Ours(node.inputs[0]) && Ours(node.inputs[1])) {
      SetMatrix(id);
    } else if (IsIn(kClear, node.op) || (policy_.follow_operands && IsIn(kTolerant, node.op))) {
      UseDType(id, OperandDType(node));
    } else {
      UseDType(id, policy_.other);
    }
  }

  // What the data comes in, if it comes in one dtype; weights and constants can be had in any.
  DType OperandDType(const Node& node) {
    DType found = DType::kInvalid;
    for (ValueId in : node.inputs) {
      if (!Ours(in) || static_.Contains(in)) continue;
      DType dtype = graph_.value(in).dtype;
      if (found != DType::kInvalid && found != dtype) return policy_.other;
      found = dtype;
    }
    return found == DType::kInvalid ? policy_.other : found;
  }

  void UseDType(NodeId id, DType dtype) {
    // The parameters of a normalisation stay as they are: they decide its range.
    size_t last = graph_.node(id).op == "BatchNormalization" ? 1 : graph_.node(id).inputs.size();
    for (size_t i = 0; i < last; ++i) ReadAs(id, i, dtype);
    SetResults(id, dtype);
  }

  void SetMatrix(NodeId id) {
    bool widens = policy_.matrix_output != policy_.matrix;
    bool fused = graph_.node(id).domain == kMidstreamDomain ||
                 (widens && UseFusedOperator(graph_, id, static_));
    ReadAs(id, 0, policy_.matrix);
    ReadAs(id, 1, policy_.matrix);
    // The fused operators add the bias before they round, so it stays float32.
    if (graph_.node(id).inputs.size() > 2) ReadAs(id, 2, fused ? DType::kF32 : policy_.matrix);
    if (fused && widens) {
      graph_.node(id).attrs["output_dtype"] = std::string(DTypeName(policy_.matrix_output));
    }
    SetResults(id, fused ? policy_.matrix_output : policy_.matrix);
  }

  void ReadAs(NodeId id, size_t i, DType dtype) {
    ValueId in = graph_.node(id).inputs[i];
    if (!Ours(in)) return;
    ValueId cast = As(in, dtype);
    graph_.node(id).inputs[i] = cast;
  }

  void SetResults(NodeId id, DType dtype) {
    for (ValueId out : graph_.node(id).outputs) {
      if (Ours(out)) graph_.value(out).dtype = dtype;
    }
  }

  ValueId As(ValueId value, DType dtype) {
    if (graph_.value(value).dtype == dtype) return value;
    auto [it, fresh] = casts_.try_emplace({value, dtype}, kNoValue);
    if (fresh) {
      std::string name = graph_.value(value).name + "/Cast";
      it->second =
          AddTyped(graph_, "Cast", std::move(name), {value},
                   {{"to", std::string(DTypeName(dtype))}}, dtype, graph_.value(value).shape);
    }
    return it->second;
  }

  Graph& graph_;
  const PrecisionPolicy& policy_;
  StaticValues static_;
  std::vector<bool> ours_;
  std::map<std::pair<ValueId, DType>, ValueId> casts_;
};

}  // namespace

Status ApplyPrecision(Graph& graph, const PrecisionPolicy& policy) {
  Caster(graph, policy).Run();
  return graph.Compact();
}

}  // namespace midstream::passes
