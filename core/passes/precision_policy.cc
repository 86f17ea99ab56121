// The modes and the default lists.
//
// The lists are those of TensorFlow's auto mixed precision under ONNX names: "clear" operators,
// which only move or compare elements, are gray here too. As there, DepthwiseConv is on no list.
#include "core/passes/precision_policy.h"

#include <algorithm>
#include <array>

#include "core/graph/op_schema.h"

namespace midstream::passes {
namespace {

struct Mode {
  std::string_view name;
  PrecisionRule rule;
  DType low;
};

constexpr DType kF16 = DType::kF16;
constexpr DType kBF16 = DType::kBF16;
constexpr std::array kModes = {
    Mode{"must_keep_origin_dtype", PrecisionRule::kOrigin, kF16},
    Mode{"origin", PrecisionRule::kOrigin, kF16},
    Mode{"force_fp32", PrecisionRule::kMatrixIn, kF16},
    Mode{"cube_fp16in_fp32out", PrecisionRule::kMatrixIn, kF16},
    Mode{"allow_fp32_to_fp16", PrecisionRule::kAllowHalf, kF16},
    Mode{"allow_fp32_to_bf16", PrecisionRule::kAllowLow, kBF16},
    Mode{"force_fp16", PrecisionRule::kForce, kF16},
    Mode{"fp16", PrecisionRule::kForce, kF16},
    Mode{"allow_mix_precision", PrecisionRule::kMixed, kF16},
    Mode{"allow_mix_precision_fp16", PrecisionRule::kMixed, kF16},
    Mode{"mixed_float16", PrecisionRule::kMixed, kF16},
    Mode{"allow_mix_precision_bf16", PrecisionRule::kMixed, kBF16},
    Mode{"mixed_bfloat16", PrecisionRule::kMixed, kBF16},
};

constexpr std::string_view kDepthwise = "DepthwiseConv";

constexpr std::string_view kWhite[] = {"Attention", "Conv", "Einsum", "GRU",
                                       "Gemm",      "LSTM", "MatMul", "RNN"};
constexpr std::string_view kGray[] = {
    // lose little
    "Add", "AveragePool", "BatchNormalization", "Div", "Elu", "Erf", "Gelu", "GlobalAveragePool",
    "HardSigmoid", "HardSwish", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "Mul",
    "PRelu", "RMSNormalization", "Reciprocal", "ReduceProd", "RotaryEmbedding", "Selu", "Sigmoid",
    "Softmax", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Tanh",
    // move or compare elements
    "Abs", "ArgMax", "ArgMin", "Ceil", "Clip", "Concat", "DepthToSpace", "Equal", "Expand",
    "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "GlobalMaxPool", "Greater",
    "GreaterOrEqual", "Identity", "IsInf", "IsNaN", "Less", "LessOrEqual", "Max", "MaxPool", "Min",
    "Neg", "OneHot", "Pad", "ReduceMax", "ReduceMin", "Relu", "Reshape", "ReverseSequence", "Round",
    "ScatterElements", "ScatterND", "Shape", "Sign", "Size", "Slice", "SpaceToDepth", "Split",
    "Squeeze", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where"};
constexpr std::string_view kBlack[] = {"Exp",        "Pow",          "ReduceL1",
                                       "ReduceL2",   "ReduceLogSum", "ReduceLogSumExp",
                                       "ReduceMean", "ReduceSum",    "ReduceSumSquare"};

template <typename List>
bool IsIn(const List& list, std::string_view op) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

bool IsKnownOperator(std::string_view name) {
  return name == kDepthwise || FindSchema(kOnnxDomain, name) != nullptr ||
         FindSchema(kMidstreamDomain, name) != nullptr;
}

void CheckList(std::string_view key, const std::vector<std::string>& list, std::string* problems) {
  for (const std::string& op : list) {
    if (IsKnownOperator(op)) continue;
    *problems += "\n  " + std::string(key) + " names '" + op + "', which is no operator here";
  }
}

void CheckOverride(const std::string& what, const PrecisionOverride& asked, std::string* problems) {
  for (DType dtype : {asked.dtype, asked.output_dtype}) {
    bool known = dtype == DType::kInvalid || IsFloat(dtype);
    if (!known) {
      *problems +=
          "\n  " + what + " asks for " + std::string(DTypeName(dtype)) + "; expected a float";
    }
  }
}

}  // namespace

Result<PrecisionPolicy> PolicyForMode(std::string_view mode) {
  for (const Mode& row : kModes) {
    if (row.name != mode) continue;
    PrecisionPolicy policy;
    policy.mode = row.name;
    policy.rule = row.rule;
    policy.low = row.low;
    return policy;
  }
  if (mode == "cube_hif8" || mode == "mixed_hif8") {
    std::string nearest = mode == "cube_hif8" ? "cube_fp16in_fp32out" : "mixed_bfloat16";
    return Unimplemented("precision mode '" + std::string(mode) +
                         "' is not available: no backend has hif8; the nearest mode is '" +
                         nearest + "'");
  }
  std::string known;
  for (const Mode& row : kModes) known += (known.empty() ? "" : ", ") + std::string(row.name);
  return InvalidArgument("expected a precision mode (" + known + "), got '" + std::string(mode) +
                         "'");
}

std::vector<std::string_view> NearestModes(const PrecisionPolicy& policy) {
  switch (policy.rule) {
    case PrecisionRule::kForce:
      return {"mixed_float16", "allow_fp32_to_fp16", "cube_fp16in_fp32out", "mixed_bfloat16",
              "origin"};
    case PrecisionRule::kAllowHalf:
      return {"cube_fp16in_fp32out", "mixed_float16", "origin"};
    case PrecisionRule::kMatrixIn:
      return {"allow_fp32_to_fp16", "mixed_float16", "origin"};
    case PrecisionRule::kMixed:
      if (policy.low == kBF16) return {"mixed_float16", "cube_fp16in_fp32out", "origin"};
      return {"cube_fp16in_fp32out", "allow_fp32_to_fp16", "mixed_bfloat16", "origin"};
    case PrecisionRule::kOrigin:
      return {"allow_fp32_to_bf16", "cube_fp16in_fp32out", "force_fp16"};
    case PrecisionRule::kAllowLow:
      break;
  }
  return {"origin", "mixed_bfloat16"};
}

std::string_view ListName(const Graph& graph, const Node& node) {
  if (node.op != "Conv" || node.Int("group", 1) <= 1) return node.op;
  const Shape& filter = graph.value(node.inputs[1]).shape;
  bool hwio = node.String("weight_layout", "OIHW") == "HWIO";
  bool single =
      filter.rank_known() && filter.rank() >= 3 && filter[hwio ? filter.rank() - 2 : 1] == 1;
  return single ? kDepthwise : std::string_view(node.op);
}

PrecisionList ListOf(const PrecisionPolicy& policy, std::string_view list_name) {
  if (IsIn(policy.black, list_name)) return PrecisionList::kBlack;
  if (IsIn(policy.white, list_name)) return PrecisionList::kWhite;
  if (IsIn(policy.gray, list_name)) return PrecisionList::kGray;
  if (IsIn(kWhite, list_name)) return PrecisionList::kWhite;
  if (IsIn(kGray, list_name)) return PrecisionList::kGray;
  return IsIn(kBlack, list_name) ? PrecisionList::kBlack : PrecisionList::kNone;
}

bool IsMatrixOperator(const Node& node) {
  return node.op == "Conv" || node.op == "MatMul" || node.op == "Gemm";
}

Status CheckPolicy(const PrecisionPolicy& policy) {
  std::string problems;
  bool lists = !policy.white.empty() || !policy.black.empty() || !policy.gray.empty();
  if (lists && policy.rule != PrecisionRule::kMixed) {
    problems +=
        "\n  precision.white, precision.black and precision.gray belong to the mixed modes "
        "(mixed_float16, mixed_bfloat16), and precision.mode is '" +
        policy.mode + "'";
  }
  CheckList("precision.white", policy.white, &problems);
  CheckList("precision.black", policy.black, &problems);
  CheckList("precision.gray", policy.gray, &problems);
  for (const auto& [op, asked] : policy.ops) {
    CheckList("precision.op", {op}, &problems);
    CheckOverride("precision.op.\"" + op + "\"", asked, &problems);
  }
  for (const auto& [node, asked] : policy.nodes) {
    CheckOverride("precision.node.\"" + node + "\"", asked, &problems);
  }
  if (problems.empty()) return OkStatus();
  return InvalidArgument("the precision policy cannot be:" + problems);
}

}  // namespace midstream::passes
