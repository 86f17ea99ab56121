// Settings: what surrounds a model, from the configuration and the preset that it names.
//
// A key of the configuration that was left at its default is as the preset says, and without a
// preset as openpi does for the model; what nobody says stays open and is an error for whoever needs
// it, so that a checkpoint can be looked at with less than what running it takes.
// Threads: plain values.
#ifndef MIDSTREAM_CORE_POLICY_SETTINGS_H_
#define MIDSTREAM_CORE_POLICY_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/prompt.h"
#include "core/policy/robot.h"

namespace midstream::policy {

struct Settings {
  RobotOptions robot;        // kAuto: nobody says
  bool percentiles = false;  // what normalisation uses; else mean and deviation
  PromptFormat prompt_format = PromptFormat::kInstruction;
  int64_t horizon = 0;        // 0: nobody says
  int64_t max_token_len = 0;  // 0: nobody says
  std::string asset_id;       // empty: nobody says
  std::string default_prompt;
  std::vector<bool> delta_mask;  // which actions are relative to the state; the rest are not
};

// Errors: INVALID_ARGUMENT for a preset that does not exist or is for another family.
Result<Settings> ResolveSettings(const config::PolicyConfig& config, openpi::Family family);

// Errors: INVALID_ARGUMENT saying how to say it.
Status NeedHorizon(const Settings& settings);
Status NeedRobot(const Settings& settings);
Status NeedMaxTokenLen(const Settings& settings);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_SETTINGS_H_
