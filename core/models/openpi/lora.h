// LoRA: low-rank factors that JAX checkpoints of low-memory fine-tunes have beside their weights, as
// they are merged into them.
//
// openpi computes x W + (x A) B; the same is x (W + A B). alpha / rank, by which it multiplies the
// attention's products, is 1 in every configuration that it has, and no checkpoint says so.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_LORA_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_LORA_H_

#include <string>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::openpi {

// The names of the factors of a stored weight: ".../q_einsum/w" has ".../q_einsum/lora_a", ".../linear"
// has ".../linear_lora_a"; ending: "a" or "b".
std::string LoraName(const std::string& weight, const std::string& ending);

// Whether the second factor counts as the sum over its heads: the einsum of attention's output
// contracts the heads within the first factor and within the second one, each on its own.
bool SumsHeads(const std::string& weight);

// base [..., I, J] + a [..., I, R] b [..., R, J], for each matrix, or with the sum of all matrices of b;
// computed in float32 and rounded to the dtype of base. Requires: such shapes, of floats. Errors:
// RESOURCE_EXHAUSTED.
Result<Tensor> MergeLora(const Tensor& base, const Tensor& a, const Tensor& b, bool sum_heads);

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_LORA_H_
