// ModelInputs: one observation as an OpenPI model takes it, after images were resized, the prompt
// tokenised and the state normalised. What prepares observations makes it, what runs models reads it.
#ifndef MIDSTREAM_CORE_POLICY_MODEL_INPUTS_H_
#define MIDSTREAM_CORE_POLICY_MODEL_INPUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/graph/tensor.h"

namespace midstream::policy {

struct CameraImage {
  std::string camera;  // "base_0_rgb"
  Tensor image;        // [S, S, 3]: uint8, or float32 in [-1, 1]
  bool valid = true;   // false: the model does not see it
};

struct ModelInputs {
  std::vector<CameraImage> images;  // in the order in which the model takes them
  Tensor state;                     // [action_dim] float32, normalised, padded with zeros
  std::vector<int32_t> tokens;      // of the prompt, as long as the model's prompts are
  std::vector<bool> token_mask;     // of the same length: false where tokens pads
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_MODEL_INPUTS_H_
