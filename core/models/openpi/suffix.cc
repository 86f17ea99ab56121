// The action expert: embeddings of state, noisy actions and time, the layers that attend to the
// prefix, and the velocity.
//
// All that depends on the time alone (pi05: scale, shift and gate of every norm; pi0: a bias of the
// actions' embedding) is a value that can be computed for all steps of a loop at once and fed.
#include <cmath>
#include <numbers>

#include "core/models/openpi/graph.h"
#include "core/models/openpi/parts.h"

namespace midstream::openpi {
namespace {

constexpr double kShortestPeriod = 4e-3;
constexpr double kLongestPeriod = 4.0;

// 2 pi / period, periods spaced geometrically. JAX computes in float32, PyTorch in float64; at the
// shortest period the two differ by 1e-4 of a turn, so each checkpoint gets what it was trained with.
template <typename T>
std::vector<T> Frequencies(int64_t count) {
  std::vector<T> frequencies(static_cast<size_t>(count));
  const T last = static_cast<T>(count - 1);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const T fraction = count > 1 ? static_cast<T>(i) / last : T{0};
    const double ratio = static_cast<T>(kLongestPeriod / kShortestPeriod);
    const T power = static_cast<T>(std::pow(ratio, static_cast<double>(fraction)));
    const T period = static_cast<T>(kShortestPeriod) * power;
    frequencies[i] = T{1} / period * static_cast<T>(2 * std::numbers::pi);
  }
  return frequencies;
}

ValueId Doubles(Layers& layers, const std::vector<double>& values) {
  Tensor tensor = *Tensor::Allocate(DType::kF64, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), tensor.mutable_as<double>().begin());
  return layers.graph().AddConstant("constant", std::move(tensor));
}

class Suffix {
 public:
  Suffix(Layers& layers, const Sizes& sizes, const Prefix& prefix)
      : layers_(layers), sizes_(sizes), prefix_(prefix) {}

  void Build() {
    Graph& graph = layers_.graph();
    const ValueId time = graph.AddInput("time", DType::kF32, {kUnknownDim});
    const ValueId x = graph.AddInput("x", DType::kF32, {1, kUnknownDim, sizes_.action_dim});
    const ValueId time_emb = BuildTimeEmbedding(layers_, sizes_, time);
    const bool adaptive = sizes_.family == Family::kPi05;
    if (adaptive) BuildCondition(time_emb);
    const ValueId emb = adaptive ? layers_.Dense("suffix.emb", x, "action_in_proj")
                                 : BuildPi0Embedding(x, time_emb);
    GemmaPass pass = {.stage = "suffix",
                      .sizes = sizes_.expert,
                      .suffix = "_1",
                      .rotation = Rotation(emb),
                      .mask = adaptive ? kNoValue : mask_,
                      .norm = adaptive ? AdaptiveNorm() : PlainNorm(layers_),
                      .past_k = prefix_.k,
                      .past_v = prefix_.v};
    std::vector<ValueId> k;
    std::vector<ValueId> v;
    ValueId out = BuildGemma(layers_, pass, emb, &k, &v);
    StackCache(layers_, pass, k, v);
    if (!adaptive) out = layers_.Slice("suffix.action_out", out, 1, 1, INT64_MAX);
    layers_.Dense("suffix.v_t", out, "action_out_proj");
  }

 private:
  // Rows follow the prefix. pi0's first row, the state, sees the prefix and itself; all others see
  // everything.
  Layers::Rotation Rotation(ValueId emb) {
    const ValueId begin = layers_.SizeOf("suffix.begin", prefix_.k.front(), 1);
    const ValueId rows = layers_.SizeOf("suffix.rows", emb, 1);
    const ValueId end = layers_.Add("Add", "suffix.end", {begin, rows});
    const ValueId positions =
        layers_.Reshape("suffix.positions", layers_.Range("suffix.range", begin, end), {1, -1, 1});
    if (sizes_.family == Family::kPi0) {
      const ValueId keys = layers_.Range("suffix.keys", layers_.Int(0), end);
      const ValueId before = layers_.Add("LessOrEqual", "suffix.keys_of_state", {keys, begin});
      const ValueId queries = layers_.Reshape("suffix.queries", positions, {1, 1, -1, 1});
      const ValueId actions = layers_.Add("Greater", "suffix.actions", {queries, begin});
      mask_ = layers_.Add("Or", "suffix.attn_mask", {actions, before});
    }
    return layers_.Rotate("suffix", positions, sizes_.expert.head_dim);
  }

  // action_time_mlp_in reads the action and the time side by side: its upper rows are the action's.
  ValueId BuildPi0Embedding(ValueId x, ValueId time_emb) {
    const int64_t width = sizes_.expert.width;
    const std::string in = "action_time_mlp_in";
    const auto half = [&](const std::string& name, ValueId rows, int64_t begin) {
      const ValueId matrix = layers_.Slice(in + "/kernel/" + name, layers_.Weight(in + "/kernel"),
                                           0, begin, begin + width);
      return layers_.graph().Add("MatMul", "suffix." + name, {rows, matrix}, {},
                                 std::string(kMidstreamDomain));
    };
    const ValueId time_part = half("time_part", time_emb, width);
    const ValueId bias =
        layers_.Add("Add", "suffix.time_bias", {time_part, layers_.FloatWeight(in + "/bias")});
    const ValueId action = layers_.Dense("suffix.action_emb", x, "action_in_proj");
    const ValueId mixed = layers_.Add("Add", "suffix.action_time",
                                      {half("action_part", action, 0),
                                       layers_.Reshape("suffix.time_rows", bias, {-1, 1, width})});
    const ValueId actions = layers_.Dense("suffix.action_rows", layers_.Silu("suffix.mixed", mixed),
                                          "action_time_mlp_out");
    const ValueId state = layers_.graph().AddInput("state", DType::kF32, {1, sizes_.action_dim});
    const ValueId state_row = layers_.Reshape(
        "suffix.state_row", layers_.Dense("suffix.state_emb", state, "state_proj"), {1, 1, width});
    return layers_.Concat("suffix.emb", {state_row, actions}, 1);
  }

  void BuildCondition(ValueId time_emb) {
    const ValueId hidden = layers_.Silu("suffix.time_hidden",
                                        layers_.Dense("suffix.time_in", time_emb, "time_mlp_in"));
    condition_ = layers_.Silu("suffix.adarms_cond",
                              layers_.Dense("suffix.time_out", hidden, "time_mlp_out"));
  }

  // "suffix.layers.3.attn_norm" -> "suffix.layers.3.attn_mod"; "suffix.out" -> "suffix.final_mod".
  static std::string ModulationName(const std::string& norm) {
    const std::string ending = "_norm";
    if (!norm.ends_with(ending)) return "suffix.final_mod";
    return norm.substr(0, norm.size() - ending.size()) + "_mod";
  }

  // x / rms(x) * (1 + scale) + shift, and the gate.
  Norm AdaptiveNorm() {
    return [this](const std::string& name, ValueId x, const std::string& module) {
      const int64_t size = sizes_.expert.width;
      const ValueId all = layers_.Dense(ModulationName(name), condition_, module + "/Dense_0");
      const ValueId rows = layers_.Reshape(name + ".mod", all, {-1, 1, 3 * size});
      Graph& graph = layers_.graph();
      const NodeId split =
          graph.AddNode("Split", name + ".split", {rows, layers_.Ints({size, size, size})},
                        {{"axis", int64_t{2}}}, 3);
      const std::vector<ValueId> parts = graph.node(split).outputs;
      const ValueId factor = layers_.Add("Add", name + ".factor", {parts[0], layers_.Float(1)});
      const ValueId scaled = layers_.Add("RMSNormalization", name + ".scaled", {x, factor},
                                         {{"axis", int64_t{-1}}, {"epsilon", kNormEpsilon}});
      return Normed{layers_.Add("Add", name, {scaled, parts[1]}), parts[2]};
    };
  }

  Layers& layers_;
  const Sizes& sizes_;
  const Prefix& prefix_;
  ValueId condition_ = kNoValue;
  ValueId mask_ = kNoValue;
};

}  // namespace

ValueId BuildTimeEmbedding(Layers& layers, const Sizes& sizes, ValueId time) {
  const int64_t half = sizes.expert.width / 2;
  const bool in_double = sizes.naming == Naming::kTorch;
  ValueId rows = layers.Reshape("suffix.time_column", time, {-1, 1});
  if (in_double) rows = layers.Add("Cast", "suffix.time_double", {rows}, {{"to", "float64"}});
  const ValueId frequencies = in_double ? Doubles(layers, Frequencies<double>(half))
                                        : layers.Floats(Frequencies<float>(half), {half});
  const ValueId angles = layers.Add("Mul", "suffix.time_angles", {rows, frequencies});
  const ValueId sin = layers.Add("Sin", "suffix.time_sin", {angles});
  const ValueId cos = layers.Add("Cos", "suffix.time_cos", {angles});
  if (!in_double) return layers.Concat("suffix.time_emb", {sin, cos}, 1);
  const ValueId both = layers.Concat("suffix.time_waves", {sin, cos}, 1);
  return layers.Add("Cast", "suffix.time_emb", {both}, {{"to", "float32"}});
}

void BuildSuffix(Layers& layers, const Sizes& sizes, const Prefix& prefix) {
  Suffix(layers, sizes, prefix).Build();
}

}  // namespace midstream::openpi
