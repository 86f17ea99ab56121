// The activation that a fused operator of domain "midstream" applies to its sums.
#ifndef MIDSTREAM_PLUGINS_REFERENCE_ACTIVATION_H_
#define MIDSTREAM_PLUGINS_REFERENCE_ACTIVATION_H_

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "midstream/kernel.hpp"

namespace midstream::reference {

// x / 2 * (1 + tanh(u)) with u = sqrt(2 / pi) * (x + 0.044715 x^3), which is x * sigmoid(2 u).
inline double GeluTanh(double x) {
  constexpr double kTwoRoot = 1.5957691216057308;  // 2 sqrt(2 / pi)
  return x / (1.0 + std::exp(-kTwoRoot * x * (1.0 + 0.044715 * x * x)));
}

class Activation {
 public:
  explicit Activation(const sdk::NodeView& node)
      : name_(node.String("activation", "")), params_(node.Floats("activation_params")) {
    size_t want = name_ == "Clip" ? 2 : name_ == "LeakyRelu" || name_ == "Elu" ? 1 : 0;
    params_.resize(want);
  }

  double operator()(double x) const {
    if (name_ == "Relu") return x < 0 ? 0 : x;
    if (name_ == "Clip") return x < params_[0] ? params_[0] : x > params_[1] ? params_[1] : x;
    if (name_ == "LeakyRelu") return x < 0 ? params_[0] * x : x;
    if (name_ == "Elu") return x < 0 ? params_[0] * std::expm1(x) : x;
    if (name_ == "Sigmoid") return 1.0 / (1.0 + std::exp(-x));
    if (name_ == "Tanh") return std::tanh(x);
    if (name_ == "Gelu") return GeluTanh(x);
    return x;
  }

 private:
  std::string name_;
  std::vector<double> params_;
};

}  // namespace midstream::reference

#endif  // MIDSTREAM_PLUGINS_REFERENCE_ACTIVATION_H_
