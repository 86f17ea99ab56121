// Pipeline: what a robot sends becomes what a model takes, and the model's actions what the robot is
// sent.
//
// The order is openpi's: the robot's own transform, normalisation, images to the model's size, the
// prompt to tokens, the state padded; back: statistics undone, relative actions added to the state,
// the robot's own transform.
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_POLICY_PIPELINE_H_
#define MIDSTREAM_CORE_POLICY_PIPELINE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/model_inputs.h"
#include "core/policy/normalizer.h"
#include "core/policy/observation.h"
#include "core/policy/settings.h"
#include "core/policy/tokenizer.h"

namespace midstream::policy {

class Pipeline {
 public:
  // state, actions: the normalisers of norm_stats.json. Errors: INVALID_ARGUMENT when a setting that
  // is needed is open, or the parts do not fit together.
  static Result<Pipeline> Create(Settings settings, const openpi::Sizes& sizes, Normalizer state,
                                 Normalizer actions, Tokenizer tokenizer);

  // A prompt that is too long for the model is cut off, with a warning in the log. Errors:
  // INVALID_ARGUMENT naming the key of the observation and what was expected of it.
  Result<ModelInputs> Prepare(const Observation& observation) const;

  // What the robot is sent: float64 arrays, "actions" [horizon, its own size] and, for a robot that
  // has no transform, "state". actions: [horizon, action_dim] float32 as the model gives them; state:
  // of the inputs that they are for. Errors: INVALID_ARGUMENT for another shape.
  Result<std::vector<std::pair<std::string, Tensor>>> Reply(const Tensor& actions,
                                                            const Tensor& state) const;

 private:
  Pipeline(Settings settings, const openpi::Sizes& sizes, Normalizer state, Normalizer actions,
           Tokenizer tokenizer)
      : settings_(std::move(settings)),
        image_size_(sizes.vision.image),
        action_dim_(sizes.action_dim),
        state_(std::move(state)),
        actions_(std::move(actions)),
        tokenizer_(std::move(tokenizer)) {}

  Result<Prompt> MakePrompt(const RobotInputs& inputs, const std::vector<double>& state) const;
  Result<Tensor> PaddedState(const std::vector<double>& state) const;

  Settings settings_;
  int64_t image_size_ = 0;
  int64_t action_dim_ = 0;  // 0: of pi0_fast, whose weights do not tell
  Normalizer state_;
  Normalizer actions_;
  Tokenizer tokenizer_;
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_PIPELINE_H_
