// Presets: what openpi's own training configurations say of the policies that they train.
//
// A checkpoint holds none of this; in openpi it is Python code. Names are those of openpi's
// configurations, so that a user finds the one that the checkpoint was trained with.
// Threads: constants.
#ifndef MIDSTREAM_CORE_POLICY_PRESETS_H_
#define MIDSTREAM_CORE_POLICY_PRESETS_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/models/openpi/sizes.h"

namespace midstream::policy {

// Actions that are relative to the state, in runs: n > 0 that are, n < 0 that are not.
using DeltaRuns = std::span<const int64_t>;

struct Preset {
  std::string_view name;
  openpi::Family family;
  config::Robot robot;
  int64_t horizon;
  int64_t max_token_len;
  std::string_view asset_id;
  DeltaRuns delta_runs = {};             // empty: no action is relative
  std::string_view default_prompt = "";  // empty: observations must have one
  bool discrete_state_input = true;      // read for pi0.5 only
};

// In the order of their names.
std::span<const Preset> Presets();
// Errors: INVALID_ARGUMENT naming the nearest one.
Result<const Preset*> FindPreset(std::string_view name);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_PRESETS_H_
