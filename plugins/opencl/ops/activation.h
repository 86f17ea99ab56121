// The activation of a fused operator, as kernels/product.cl numbers it.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_ACTIVATION_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_ACTIVATION_H_

#include <optional>

#include "midstream/view.hpp"

namespace midstream::opencl {

struct Activation {
  int32_t code = 0;
  double p0 = 0;
  double p1 = 0;
};

// Gelu by tanh is x / (1 + exp(x * (linear + cubic * x^2))).
constexpr double kGeluLinear = -1.5957691216057308;  // -2 sqrt(2 / pi)
constexpr double kGeluCubic = kGeluLinear * 0.044715;

// From the attributes activation and activation_params; nullopt when it is not known.
inline std::optional<Activation> ParseActivation(const sdk::NodeView& node) {
  constexpr std::string_view kNames[] = {"",    "Relu",    "Clip", "LeakyRelu",
                                         "Elu", "Sigmoid", "Tanh", "Gelu"};
  const std::string name = node.String("activation", "");
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  const std::vector<double> params = node.Floats("activation_params");
  auto param = [&](size_t i) { return i < params.size() ? params[i] : 0.0; };
  const auto code = static_cast<int32_t>(found - kNames);
  if (name == "Gelu") return Activation{code, kGeluLinear, kGeluCubic};
  return Activation{code, param(0), param(1)};
}

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_ACTIVATION_H_
