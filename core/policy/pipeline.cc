#include "core/policy/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/log.h"
#include "core/formats/file.h"
#include "core/policy/image.h"
#include "core/policy/statistics.h"
#include "core/policy/text.h"

namespace midstream::policy {
namespace {

using config::Robot;

Result<Tensor> FromDoubles(const std::vector<double>& values, Shape shape) {
  return Tensor::Copy(DType::kF64, std::move(shape), std::as_bytes(std::span(values)));
}

}  // namespace

Result<Pipeline> Pipeline::Create(Settings settings, const openpi::Sizes& sizes, Normalizer state,
                                  Normalizer actions, Tokenizer tokenizer,
                                  std::optional<FastTokenizer> fast) {
  MS_RETURN_IF_ERROR(NeedRobot(settings));
  MS_RETURN_IF_ERROR(NeedMaxTokenLen(settings));
  if (tokenizer.vocabulary() > sizes.vocabulary) {
    return InvalidArgument(fmt::format(
        "the tokenizer has {} tokens, the checkpoint embeds {}: it is another model's tokenizer",
        tokenizer.vocabulary(), sizes.vocabulary));
  }
  Pipeline pipeline(std::move(settings), sizes, std::move(state), std::move(actions),
                    std::move(tokenizer), std::move(fast));
  if (pipeline.fast_ && pipeline.FastHorizon() == 0) return NeedHorizon(pipeline.settings_);
  if (pipeline.fast_) {
    MS_RETURN_IF_ERROR(
        CheckActions(pipeline.settings_, pipeline.actions_.size(), pipeline.FastDim()));
  }
  if (pipeline.action_dim_ == 0) return pipeline;
  MS_RETURN_IF_ERROR(
      CheckActions(pipeline.settings_, pipeline.actions_.size(), pipeline.action_dim_));
  MS_RETURN_IF_ERROR(CheckStateStatistics(pipeline.state_.size(), pipeline.action_dim_));
  return pipeline;
}

// openpi's configurations have the robot's own size.
int64_t Pipeline::FastDim() const {
  if (const int64_t size = ActionSize(settings_.robot); size > 0) return size;
  return fast_->action_dim() > 0 ? fast_->action_dim() : static_cast<int64_t>(actions_.size());
}

int64_t Pipeline::FastHorizon() const {
  return settings_.horizon > 0 ? settings_.horizon : fast_->time_horizon();
}

Result<Tensor> Pipeline::Actions(std::span<const int32_t> tokens) const {
  return fast_->Actions(tokenizer_, tokens, FastHorizon(), FastDim());
}

Result<Prompt> Pipeline::MakePrompt(const RobotInputs& inputs,
                                    const std::vector<double>& state) const {
  const std::string& text = inputs.prompt.value_or(settings_.default_prompt);
  if (!IsUtf8(text)) return InvalidArgument("the prompt is not UTF-8");
  if (Strip(text).empty()) {
    return InvalidArgument(inputs.prompt.has_value()
                               ? "the prompt is empty, expected an instruction"
                               : "the observation has no 'prompt': give one with --prompt, or "
                                 "policy.default_prompt");
  }
  MS_ASSIGN_OR_RETURN(Prompt prompt, TokenisePrompt(tokenizer_, settings_.prompt_format, text,
                                                    state, settings_.max_token_len));
  if (prompt.cut > 0) {
    Log(LogLevel::kWarning,
        fmt::format(
            "the prompt has {} tokens more than the {} that the model takes: its end is cut "
            "off",
            prompt.cut, settings_.max_token_len));
  }
  return prompt;
}

Result<Tensor> Pipeline::PaddedState(const std::vector<double>& state) const {
  const int64_t size = action_dim_ == 0 ? static_cast<int64_t>(state.size()) : action_dim_;
  MS_ASSIGN_OR_RETURN(Tensor padded, Tensor::Allocate(DType::kF32, {size}));
  const std::span<float> to = padded.mutable_as<float>();
  std::fill(to.begin(), to.end(), 0.0f);
  std::transform(state.begin(), state.end(), to.begin(),
                 [](double value) { return static_cast<float>(value); });
  return padded;
}

Result<ModelInputs> Pipeline::Prepare(const Observation& observation) const {
  MS_ASSIGN_OR_RETURN(RobotInputs robot, ReadRobot(settings_.robot, observation));
  MS_RETURN_IF_ERROR(CheckState(robot.state.size(), state_.size(), action_dim_));
  const std::vector<double> state = state_.Normalize(robot.state);
  ModelInputs inputs;
  MS_ASSIGN_OR_RETURN(Prompt prompt, MakePrompt(robot, state));
  inputs.tokens = std::move(prompt.tokens);
  inputs.token_mask = std::move(prompt.mask);
  for (const View& view : robot.views) {
    Result<Tensor> image = view.image.empty() ? BlackImage(image_size_, image_size_)
                                              : ResizeWithPad(view.image, image_size_, image_size_);
    if (!image.ok()) return image.status().WithContext("camera " + formats::Quoted(view.camera));
    inputs.images.push_back({view.camera, *std::move(image), view.valid});
  }
  MS_ASSIGN_OR_RETURN(inputs.state, PaddedState(state));
  return inputs;
}

Result<std::vector<std::pair<std::string, Tensor>>> Pipeline::Reply(const Tensor& actions,
                                                                    const Tensor& state) const {
  const Shape& shape = actions.shape();
  const bool wide = actions.dtype() == DType::kF64;
  if ((!wide && actions.dtype() != DType::kF32) || shape.rank() != 2 || shape[1] == 0 ||
      state.dtype() != DType::kF32 || state.shape().rank() != 1) {
    return InvalidArgument("actions of the model have the shape [horizon, action_dim]");
  }
  MS_RETURN_IF_ERROR(CheckActions(settings_, actions_.size(), shape[1]));
  if (static_cast<size_t>(state.count()) < state_.size()) {
    return InvalidArgument(
        fmt::format("the state has {} numbers, norm_stats {}", state.count(), state_.size()));
  }
  const std::vector<double> reached = state_.Restore(state.as<float>());
  const auto size = static_cast<size_t>(shape[1]);
  const auto taken = static_cast<size_t>(ActionSize(settings_.robot));
  const size_t kept = taken == 0 ? size : std::min(size, taken);
  std::vector<double> reply;
  for (size_t row = 0; row < static_cast<size_t>(shape[0]); ++row) {
    std::vector<double> action =
        wide ? actions_.Restore(actions.as<double>().subspan(row * size, size))
             : actions_.Restore(actions.as<float>().subspan(row * size, size));
    for (size_t i = 0; i < std::min(settings_.delta_mask.size(), reached.size()); ++i) {
      if (settings_.delta_mask[i]) action[i] += reached[i];
    }
    FinishAction(settings_.robot, action.data());
    reply.insert(reply.end(), action.begin(), action.begin() + static_cast<ptrdiff_t>(kept));
  }
  std::vector<std::pair<std::string, Tensor>> arrays;
  MS_ASSIGN_OR_RETURN(Tensor array, FromDoubles(reply, {shape[0], static_cast<int64_t>(kept)}));
  arrays.emplace_back("actions", std::move(array));
  if (settings_.robot.robot != Robot::kNone) return arrays;
  MS_ASSIGN_OR_RETURN(array, FromDoubles(reached, {state.shape()[0]}));
  arrays.emplace_back("state", std::move(array));
  return arrays;
}

}  // namespace midstream::policy
