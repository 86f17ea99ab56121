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
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/fast_tokenizer.h"
#include "core/policy/model_inputs.h"
#include "core/policy/normalizer.h"
#include "core/policy/observation.h"
#include "core/policy/settings.h"
#include "core/policy/tokenizer.h"

namespace midstream::policy {

class Pipeline {
 public:
  // state, actions: the normalisers of norm_stats.json. fast: of pi0_fast, where tokens are to become
  // actions. Errors: INVALID_ARGUMENT when a setting that is needed is open, or the parts do not fit
  // together.
  static Result<Pipeline> Create(Settings settings, const openpi::Sizes& sizes, Normalizer state,
                                 Normalizer actions, Tokenizer tokenizer,
                                 std::optional<FastTokenizer> fast = {});

  // A prompt that is too long for the model is cut off, with a warning in the log. Errors:
  // INVALID_ARGUMENT naming the key of the observation and what was expected of it.
  Result<ModelInputs> Prepare(const Observation& observation) const;

  // Whether Actions can tell what pi0_fast answers.
  bool reads_tokens() const { return fast_.has_value(); }
  // The model's actions, [horizon, action_dim] float64, in the tokens that pi0_fast gave. Requires:
  // reads_tokens. Errors: OUT_OF_RANGE when they are none.
  Result<Tensor> Actions(std::span<const int32_t> tokens) const;

  // What the robot is sent: float64 arrays, "actions" [horizon, its own size] and, for a robot that
  // has no transform, "state". actions: [horizon, action_dim] float32 or float64 as the model gives
  // them; state: of the inputs that they are for. Errors: INVALID_ARGUMENT for another shape.
  Result<std::vector<std::pair<std::string, Tensor>>> Reply(const Tensor& actions,
                                                            const Tensor& state) const;

 private:
  // Numbers of an action that FAST's tokens stand for, and how many actions.
  int64_t FastDim() const;
  int64_t FastHorizon() const;
  Pipeline(Settings settings, const openpi::Sizes& sizes, Normalizer state, Normalizer actions,
           Tokenizer tokenizer, std::optional<FastTokenizer> fast)
      : settings_(std::move(settings)),
        image_size_(sizes.vision.image),
        action_dim_(sizes.action_dim),
        state_(std::move(state)),
        actions_(std::move(actions)),
        tokenizer_(std::move(tokenizer)),
        fast_(std::move(fast)) {}

  Result<Prompt> MakePrompt(const RobotInputs& inputs, const std::vector<double>& state) const;
  Result<Tensor> PaddedState(const std::vector<double>& state) const;

  Settings settings_;
  int64_t image_size_ = 0;
  int64_t action_dim_ = 0;  // 0: of pi0_fast, whose weights do not tell
  Normalizer state_;
  Normalizer actions_;
  Tokenizer tokenizer_;
  std::optional<FastTokenizer> fast_;
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_PIPELINE_H_
