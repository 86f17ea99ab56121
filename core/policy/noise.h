// The noise that a flow-matching policy starts from: independent normal numbers.
#ifndef MIDSTREAM_CORE_POLICY_NOISE_H_
#define MIDSTREAM_CORE_POLICY_NOISE_H_

#include <cstdint>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::policy {

// [horizon, action_dim] float32 with mean 0 and deviation 1; a seed always gives the same numbers
// (not those of JAX or PyTorch). Errors: as Tensor::Allocate.
Result<Tensor> MakeNoise(int64_t horizon, int64_t action_dim, uint64_t seed);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_NOISE_H_
