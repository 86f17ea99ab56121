#include "core/policy/noise.h"

#include <cmath>
#include <numbers>
#include <random>

namespace midstream::policy {
namespace {

// Above 0, at most 1. The distributions of <random> differ from library to library.
double Uniform(std::mt19937_64& random) {
  return static_cast<double>((random() >> 11) + 1) * 0x1p-53;
}

}  // namespace

// Box and Muller's transform.
Result<Tensor> MakeNoise(int64_t horizon, int64_t action_dim, uint64_t seed) {
  MS_ASSIGN_OR_RETURN(Tensor noise, Tensor::Allocate(DType::kF32, {horizon, action_dim}));
  std::mt19937_64 random(seed);
  for (float& value : noise.mutable_as<float>()) {
    const double radius = std::sqrt(-2 * std::log(Uniform(random)));
    value = static_cast<float>(radius * std::cos(2 * std::numbers::pi * Uniform(random)));
  }
  return noise;
}

}  // namespace midstream::policy
