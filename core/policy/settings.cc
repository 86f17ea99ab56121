#include "core/policy/settings.h"

#include <fmt/format.h>

#include <cstdlib>

#include "core/policy/presets.h"

namespace midstream::policy {
namespace {

using config::Normalization;
using config::OnOff;
using config::Robot;
using openpi::Family;

std::vector<bool> MaskOf(DeltaRuns runs) {
  std::vector<bool> mask;
  for (const int64_t run : runs) {
    mask.insert(mask.end(), static_cast<size_t>(std::abs(run)), run > 0);
  }
  return mask;
}

PromptFormat FormatOf(Family family, bool state_in_prompt) {
  if (family == Family::kPi0Fast) return PromptFormat::kFast;
  const bool with_state = family == Family::kPi05 && state_in_prompt;
  return with_state ? PromptFormat::kWithState : PromptFormat::kInstruction;
}

Status Open(std::string_view what, std::string_view key, std::string_view option) {
  return InvalidArgument(fmt::format(
      "{0} is not set and the checkpoint does not say {1}: give {2}, or --preset with the name of "
      "the configuration of OpenPI that it was trained with",
      key, what, option));
}

}  // namespace

Result<Settings> ResolveSettings(const config::PolicyConfig& config, Family family) {
  Preset preset{"", family, Robot::kAuto, 0, 0, ""};
  if (!config.preset.empty()) {
    MS_ASSIGN_OR_RETURN(const Preset* found, FindPreset(config.preset));
    preset = *found;
    if (preset.family != family) {
      return InvalidArgument(fmt::format("policy.preset: \"{}\" is for {}, the checkpoint is a {}",
                                         preset.name, openpi::FamilyName(preset.family),
                                         openpi::FamilyName(family)));
    }
  }
  const auto is_on = [](OnOff said, bool otherwise) {
    return said == OnOff::kAuto ? otherwise : said == OnOff::kOn;
  };
  const auto text = [](const std::string& said, std::string_view otherwise) {
    return said.empty() ? std::string(otherwise) : said;
  };
  Settings settings;
  settings.robot.robot = config.robot == Robot::kAuto ? preset.robot : config.robot;
  settings.robot.family = family;
  settings.robot.adapt_to_pi = is_on(config.adapt_to_pi, true);
  settings.percentiles = config.normalization == Normalization::kAuto
                             ? family != Family::kPi0
                             : config.normalization == Normalization::kQuantile;
  settings.prompt_format =
      FormatOf(family, is_on(config.discrete_state_input, preset.discrete_state_input));
  settings.horizon = config.horizon == 0 ? preset.horizon : config.horizon;
  settings.max_token_len = config.max_token_len == 0 ? preset.max_token_len : config.max_token_len;
  settings.asset_id = text(config.asset_id, preset.asset_id);
  settings.default_prompt = text(config.default_prompt, preset.default_prompt);
  settings.delta_mask =
      MaskOf(config.delta_mask.empty() ? preset.delta_runs : DeltaRuns(config.delta_mask));
  return settings;
}

Status NeedHorizon(const Settings& settings) {
  if (settings.horizon > 0) return OkStatus();
  return Open("how many actions a reply has", "policy.horizon", "--horizon");
}

Status NeedRobot(const Settings& settings) {
  if (settings.robot.robot != Robot::kAuto) return OkStatus();
  return Open("what its observations hold", "policy.robot", "--robot");
}

Status NeedMaxTokenLen(const Settings& settings) {
  if (settings.max_token_len > 0) return OkStatus();
  return Open("how many tokens a prompt has", "policy.max_token_len",
              "--set policy.max_token_len=N");
}

}  // namespace midstream::policy
