// Camera images on their way to a model: as bytes, channels last, of the size that the model takes.
//
// The bytes are those that openpi computes: floats become bytes as numpy converts them, and sizes
// change as Pillow's bilinear filter does it.
#ifndef MIDSTREAM_CORE_POLICY_IMAGE_H_
#define MIDSTREAM_CORE_POLICY_IMAGE_H_

#include <cstdint>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::policy {

// The longest side that an image may have.
constexpr int64_t kLargestSide = 8192;

enum class Channels {
  kFirst,         // [3, height, width]
  kLast,          // [height, width, 3]
  kFirstOfThree,  // first when the first dimension is 3, else last
};

// [height, width, 3] uint8 of an image of uint8, or of floats from 0 to 1, whose fractions of a byte
// are cut off. Errors: INVALID_ARGUMENT for another shape, dtype, or value, saying what was expected;
// RESOURCE_EXHAUSTED.
Result<Tensor> ToBytes(const Tensor& image, Channels channels);

// The image in `height` x `width`: shrunk or grown until one side fits, its proportions kept,
// and centred on black. The same bytes when it has this size. Requires: an image that ToBytes
// gave; sides from 1 to kLargestSide. Errors: INVALID_ARGUMENT when a side would vanish;
// RESOURCE_EXHAUSTED.
Result<Tensor> ResizeWithPad(const Tensor& image, int64_t height, int64_t width);

// A black image of bytes. Errors: RESOURCE_EXHAUSTED.
Result<Tensor> BlackImage(int64_t height, int64_t width);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_IMAGE_H_
