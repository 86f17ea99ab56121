// The activation of a fused operator: a clip done in registers, or a pass over the rows.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ACTIVATION_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ACTIVATION_H_

#include <limits>
#include <optional>

#include "ops/elements.h"

namespace midstream::cpu_blas {

struct Activation {
  bool clip = false;
  float low = 0.0f;
  float high = std::numeric_limits<float>::infinity();
  std::optional<Unary> pass;  // everything that is not a clip
  float p0 = 0.0f;
  float p1 = 0.0f;

  // What is no clip.
  void RunPass(const KernelTable& isa, float* x, int64_t n) const {
    if (pass) isa.unary[static_cast<uint32_t>(*pass)](x, x, n, p0, p1);
  }
  // All of it.
  void RunRow(const KernelTable& isa, float* x, int64_t n) const {
    if (clip) isa.unary[static_cast<uint32_t>(Unary::kClip)](x, x, n, low, high);
    RunPass(isa, x, n);
  }
};

// From the attributes activation and activation_params; nullopt when it is not known.
inline std::optional<Activation> ParseActivation(const sdk::NodeView& node) {
  std::string name = node.String("activation", "");
  std::vector<double> params = node.Floats("activation_params");
  auto param = [&](size_t i) { return i < params.size() ? static_cast<float>(params[i]) : 0.0f; };
  Activation a;
  a.p0 = param(0);
  a.p1 = param(1);
  if (name.empty()) return a;
  if (name == "Relu" || name == "Clip") {
    a.clip = true;
    if (name == "Clip") a.low = a.p0, a.high = a.p1;
  } else if (name == "LeakyRelu") {
    a.pass = Unary::kLeakyRelu;
  } else if (name == "Elu") {
    a.pass = Unary::kElu;
  } else if (name == "Sigmoid") {
    a.pass = Unary::kSigmoid;
  } else if (name == "Tanh") {
    a.pass = Unary::kTanh;
  } else if (name == "Gelu") {
    a.pass = Unary::kGeluTanh;
  } else {
    return std::nullopt;
  }
  return a;
}

// The same as a pass over results in float32 or float64.
struct RealActivation {
  std::optional<Unary> pass;
  double p0 = 0.0;
  double p1 = 0.0;

  template <typename T>
  void Run(const KernelTable& isa, T* x, int64_t n) const {
    if (!pass) return;
    RealsOf(isa, T{}).unary[static_cast<uint32_t>(*pass)](x, x, n, static_cast<T>(p0),
                                                          static_cast<T>(p1));
  }
};

// As ParseActivation.
inline std::optional<RealActivation> ParseRealActivation(const sdk::NodeView& node) {
  std::optional<Activation> known = ParseActivation(node);
  if (!known) return std::nullopt;
  std::vector<double> params = node.Floats("activation_params");
  RealActivation a;
  a.pass = known->clip ? Unary::kClip : known->pass;
  if (node.String("activation", "") == "Relu") a.pass = Unary::kRelu;
  if (!params.empty()) a.p0 = params[0];
  if (params.size() > 1) a.p1 = params[1];
  return a;
}

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ACTIVATION_H_
