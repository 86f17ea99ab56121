#include "core/formats/tensorflow/dropout.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "core/formats/tensorflow/scalar.h"
#include "core/formats/tensorflow/tensor_proto.h"

namespace midstream::tensorflow {
namespace {

using Ops = std::initializer_list<std::string_view>;

// Constants written as float32 stand for the same rate when they differ by rounding only.
constexpr double kSameConstant = 1e-5;
constexpr int kLongestIdentityChain = 64;
constexpr int kDeepestUniform = 4;
// Control inputs included. The nodes of a dropout have three at most; a node with very many would
// be parsed again for each of its readers.
constexpr size_t kMostInputs = 64;

class Matcher {
 public:
  Matcher(const TfGraph& graph, const std::set<TensorRef>& cut) : graph_(graph), cut_(cut) {}

  std::optional<DropoutMatch> Match(TensorRef output) const {
    if (Node(output, {"Mul"})) return MatchProduct(output);
    if (Node(output, {"Select", "SelectV2"})) return MatchSelect(output);
    return std::nullopt;
  }

 private:
  // How the pattern says how much is dropped: by the probability to keep, or by the rate.
  struct Control {
    TensorRef ref;
    bool is_keep = false;
  };

  // The node behind `ref` if it is one of `ops` and the tensor is not fed.
  const NodeDef* Node(TensorRef ref, Ops ops) const {
    if (ref.output != 0 || cut_.count(ref) > 0) return nullptr;
    const NodeDef& node = graph_.node(ref.node);
    return std::find(ops.begin(), ops.end(), node.op) != ops.end() ? &node : nullptr;
  }

  // The data inputs of the node behind `ref` with identities skipped; empty unless there are `n`.
  std::vector<TensorRef> Inputs(TensorRef ref, size_t n) const {
    if (graph_.node(ref.node).inputs.size() > kMostInputs) return {};
    auto inputs = graph_.DataInputs(ref.node);
    if (!inputs.ok() || inputs->size() != n) return {};
    for (TensorRef& input : *inputs) input = SkipIdentities(input);
    return *std::move(inputs);
  }

  TensorRef SkipIdentities(TensorRef ref) const {
    for (int i = 0; i < kLongestIdentityChain && Node(ref, {"Identity", "StopGradient"}); ++i) {
      if (graph_.node(ref.node).inputs.size() > kMostInputs) break;
      auto inputs = graph_.DataInputs(ref.node);
      if (!inputs.ok() || inputs->empty()) break;
      ref = (*inputs)[0];
    }
    return ref;
  }

  // The value of a floating constant of one element.
  std::optional<double> Constant(TensorRef ref) const {
    const NodeDef* node = Node(ref, {"Const"});
    const AttrValue* value = node ? graph_.Attr(*node, "value", AttrKind::kTensor) : nullptr;
    if (value == nullptr) return std::nullopt;
    auto tensor = DecodeTensor(value->bytes);
    if (!tensor.ok() || !IsFloat(tensor->dtype())) return std::nullopt;
    return ScalarValue(*tensor);
  }

  bool IsConstant(TensorRef ref, double value) const {
    std::optional<double> constant = Constant(ref);
    return constant && std::abs(*constant - value) <= kSameConstant * std::abs(value);
  }

  bool IsZero(TensorRef ref) const {
    return Node(ref, {"ZerosLike"}) != nullptr || IsConstant(ref, 0.0);
  }

  // RandomUniform, or the scaling to [0, 1) that older versions wrote behind it.
  bool IsUniform(TensorRef ref, int depth = kDeepestUniform) const {
    if (Node(ref, {"RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"})) {
      return true;
    }
    bool sum = Node(ref, {"Add", "AddV2"}) != nullptr;
    if (depth == 0 || (!sum && Node(ref, {"Mul"}) == nullptr)) return false;
    std::vector<TensorRef> in = Inputs(ref, 2);
    if (in.empty()) return false;
    for (int i = 0; i < 2; ++i) {
      bool neutral = sum ? IsConstant(in[1 - i], 0.0) : IsUnitRange(in[1 - i]);
      if (neutral && IsUniform(in[i], depth - 1)) return true;
    }
    return false;
  }

  bool IsUnitRange(TensorRef ref) const {
    if (IsConstant(ref, 1.0)) return true;
    if (Node(ref, {"Sub"}) == nullptr) return false;
    std::vector<TensorRef> in = Inputs(ref, 2);
    return !in.empty() && IsConstant(in[0], 1.0) && IsConstant(in[1], 0.0);
  }

  // `ref` = 1 - other.
  bool IsComplement(TensorRef ref, TensorRef other) const {
    if (std::optional<double> value = Constant(other); value && IsConstant(ref, 1.0 - *value)) {
      return true;
    }
    if (Node(ref, {"Sub"}) == nullptr) return false;
    std::vector<TensorRef> in = Inputs(ref, 2);
    return !in.empty() && IsConstant(in[0], 1.0) && in[1] == other;
  }

  // `ref` is the probability to keep that `control` describes.
  bool IsKeep(TensorRef ref, const Control& control) const {
    if (!control.is_keep) return IsComplement(ref, control.ref) || IsComplement(control.ref, ref);
    if (ref == control.ref) return true;
    std::optional<double> value = Constant(control.ref);
    return value && IsConstant(ref, *value);
  }

  // `ref` = 1 / keep.
  bool IsScale(TensorRef ref, const Control& control) const {
    std::optional<double> value = Constant(control.ref);
    double keep = value ? (control.is_keep ? *value : 1.0 - *value) : 0.0;
    if (value && keep > 0.0 && IsConstant(ref, 1.0 / keep)) return true;
    if (Node(ref, {"RealDiv", "Div"})) {
      std::vector<TensorRef> in = Inputs(ref, 2);
      return !in.empty() && IsConstant(in[0], 1.0) && IsKeep(in[1], control);
    }
    if (Node(ref, {"Reciprocal", "Inv"})) {
      std::vector<TensorRef> in = Inputs(ref, 1);
      return !in.empty() && IsKeep(in[0], control);
    }
    return false;
  }

  // x, where `ref` = x / keep.
  std::optional<TensorRef> Unscaled(TensorRef ref, const Control& control) const {
    bool product = Node(ref, {"Mul"}) != nullptr;
    if (!product && Node(ref, {"RealDiv", "Div"}) == nullptr) return std::nullopt;
    std::vector<TensorRef> in = Inputs(ref, 2);
    if (in.empty()) return std::nullopt;
    if (!product) return IsKeep(in[1], control) ? std::optional(in[0]) : std::nullopt;
    for (int i = 0; i < 2; ++i) {
      if (IsScale(in[1 - i], control)) return in[i];
    }
    return std::nullopt;
  }

  // GreaterEqual(U, rate) gives the rate.
  std::optional<Control> KeepDecision(TensorRef ref) const {
    if (Node(ref, {"GreaterEqual"}) == nullptr) return std::nullopt;
    std::vector<TensorRef> in = Inputs(ref, 2);
    if (in.empty() || !IsUniform(in[0])) return std::nullopt;
    return Control{in[1], false};
  }

  // Floor(keep + U), or the decision cast to a number.
  std::optional<Control> Mask(TensorRef ref) const {
    if (Node(ref, {"Cast"})) {
      std::vector<TensorRef> in = Inputs(ref, 1);
      return in.empty() ? std::nullopt : KeepDecision(in[0]);
    }
    if (Node(ref, {"Floor"}) == nullptr) return std::nullopt;
    std::vector<TensorRef> sum = Inputs(ref, 1);
    if (sum.empty() || Node(sum[0], {"Add", "AddV2"}) == nullptr) return std::nullopt;
    std::vector<TensorRef> in = Inputs(sum[0], 2);
    for (size_t i = 0; i < in.size(); ++i) {
      if (IsUniform(in[1 - i])) return Control{in[i], true};
    }
    return std::nullopt;
  }

  std::optional<DropoutMatch> MatchProduct(TensorRef output) const {
    std::vector<TensorRef> in = Inputs(output, 2);
    for (size_t i = 0; i < in.size(); ++i) {
      std::optional<Control> control = Mask(in[i]);
      if (!control) continue;
      if (auto input = Unscaled(in[1 - i], *control)) return Make(*input, *control);
    }
    return std::nullopt;
  }

  std::optional<DropoutMatch> MatchSelect(TensorRef output) const {
    std::vector<TensorRef> in = Inputs(output, 3);
    if (in.empty() || !IsZero(in[2])) return std::nullopt;
    std::optional<Control> control = KeepDecision(in[0]);
    if (!control) return std::nullopt;
    auto input = Unscaled(in[1], *control);
    return input ? std::optional(Make(*input, *control)) : std::nullopt;
  }

  DropoutMatch Make(TensorRef input, Control control) const {
    if (Node(control.ref, {"Sub"})) {
      std::vector<TensorRef> in = Inputs(control.ref, 2);
      if (!in.empty() && IsConstant(in[0], 1.0)) control = {in[1], !control.is_keep};
    }
    DropoutMatch match{input, std::nullopt, control.is_keep ? 1.0 : 0.0};
    std::string_view op = graph_.node(control.ref.node).op;
    if (op == "Placeholder" || op == "PlaceholderWithDefault") match.control = control.ref;
    return match;
  }

  const TfGraph& graph_;
  const std::set<TensorRef>& cut_;
};

}  // namespace

std::optional<DropoutMatch> MatchDropout(const TfGraph& graph, const std::set<TensorRef>& cut,
                                         TensorRef output) {
  return Matcher(graph, cut).Match(output);
}

}  // namespace midstream::tensorflow
