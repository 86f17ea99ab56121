// Observations that are a model's own inputs already: images of its size, a normalised state, tokens.
// For comparing a model with another implementation of it, stage by stage.
//
// Arrays are `image.CAMERA` [S, S, 3] uint8, or float32 from -1 to 1; `image_mask.CAMERA` bool, true
// where it is missing; `state` [action_dim]; `tokens` [length] integers; `token_mask` [length] bool.
#ifndef MIDSTREAM_CORE_POLICY_MODEL_LEVEL_H_
#define MIDSTREAM_CORE_POLICY_MODEL_LEVEL_H_

#include "core/base/status.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/model_inputs.h"
#include "core/policy/observation.h"

namespace midstream::policy {

// Whether the observation has tokens or images by such names.
bool IsModelLevel(const Observation& observation);

// Errors: INVALID_ARGUMENT naming the key and what was expected of it.
Result<ModelInputs> ReadModelLevel(const Observation& observation, const openpi::Sizes& sizes);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_MODEL_LEVEL_H_
