// Bilinear resampling of bytes with the arithmetic of Pillow, to the bit: prompts and joints reach a
// policy exactly, and so should what its cameras see.
#ifndef MIDSTREAM_CORE_POLICY_RESAMPLE_H_
#define MIDSTREAM_CORE_POLICY_RESAMPLE_H_

#include <cstdint>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::policy {

// [height, width, channels] of an image [*, *, channels] of uint8; shrinking averages over all
// pixels that an output covers. Requires: sides of at least 1. Errors: RESOURCE_EXHAUSTED.
Result<Tensor> Resample(const Tensor& image, int64_t height, int64_t width);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_RESAMPLE_H_
