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

// From the attributes activation and activation_params; nullopt when it is not known.
inline std::optional<Activation> ParseActivation(const sdk::NodeView& node) {
  constexpr std::string_view kNames[] = {"", "Relu", "Clip", "LeakyRelu", "Elu", "Sigmoid", "Tanh"};
  const std::string name = node.String("activation", "");
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  const std::vector<double> params = node.Floats("activation_params");
  auto param = [&](size_t i) { return i < params.size() ? params[i] : 0.0; };
  return Activation{static_cast<int32_t>(found - kNames), param(0), param(1)};
}

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_ACTIVATION_H_
