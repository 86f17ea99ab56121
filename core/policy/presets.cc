#include "core/policy/presets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/config/nearest.h"

namespace midstream::policy {
namespace {

using config::Robot;
using openpi::Family;

constexpr std::string_view kLiberoAsset = "physical-intelligence/libero";
constexpr std::string_view kAlohaSimAsset = "lerobot/aloha_sim_transfer_cube_human";

constexpr int64_t kAlohaJoints[] = {6, -1, 6, -1};  // joints of both arms, not the grippers
constexpr int64_t kLiberoPose[] = {6, -1};
constexpr int64_t kDroidJoints[] = {7, -1};

// openpi's defaults: horizon 50; 48 tokens for pi0, 200 for pi0.5, 250 for pi0-FAST.
constexpr std::array kPresets = {
    Preset{"pi05_aloha", Family::kPi05, Robot::kAloha, 50, 200, "trossen", kAlohaJoints},
    Preset{"pi05_aloha_pen_uncap", Family::kPi05, Robot::kAloha, 50, 200, "trossen", kAlohaJoints,
           "uncap the pen"},
    Preset{"pi05_droid", Family::kPi05, Robot::kDroid, 15, 200, "droid"},
    Preset{"pi05_droid_finetune", Family::kPi05, Robot::kDroid, 16, 200, "droid"},
    Preset{"pi05_droid_jointpos_polaris", Family::kPi05, Robot::kDroid, 15, 200, "droid",
           kDroidJoints},
    Preset{"pi05_full_droid_finetune", Family::kPi05, Robot::kDroid, 16, 200, "droid",
           kDroidJoints},
    Preset{"pi05_libero",
           Family::kPi05,
           Robot::kLibero,
           10,
           200,
           kLiberoAsset,
           {},
           "",
           /*discrete_state_input=*/false},
    Preset{"pi0_aloha", Family::kPi0, Robot::kAloha, 50, 48, "trossen", kAlohaJoints},
    Preset{"pi0_aloha_pen_uncap", Family::kPi0, Robot::kAloha, 50, 48, "trossen", kAlohaJoints,
           "uncap the pen"},
    Preset{
        "pi0_aloha_sim", Family::kPi0, Robot::kAloha, 50, 48, kAlohaSimAsset, {}, "Transfer cube"},
    Preset{"pi0_aloha_towel", Family::kPi0, Robot::kAloha, 50, 48, "trossen", kAlohaJoints,
           "fold the towel"},
    Preset{"pi0_aloha_tupperware", Family::kPi0, Robot::kAloha, 50, 48, "trossen", kAlohaJoints,
           "open the tupperware and put the food on the plate"},
    Preset{"pi0_droid", Family::kPi0, Robot::kDroid, 10, 48, "droid"},
    Preset{"pi0_droid_jointpos_100k_polaris", Family::kPi0, Robot::kDroid, 10, 100, "droid",
           kDroidJoints},
    Preset{"pi0_droid_jointpos_polaris", Family::kPi0, Robot::kDroid, 10, 100, "droid",
           kDroidJoints},
    Preset{"pi0_fast_droid", Family::kPi0Fast, Robot::kDroid, 10, 250, "droid"},
    Preset{"pi0_fast_droid_jointpos_polaris", Family::kPi0Fast, Robot::kDroid, 10, 180, "droid",
           kDroidJoints},
    Preset{"pi0_fast_full_droid_finetune", Family::kPi0Fast, Robot::kDroid, 16, 180, "droid",
           kDroidJoints},
    Preset{"pi0_fast_libero", Family::kPi0Fast, Robot::kLibero, 10, 180, kLiberoAsset, kLiberoPose},
    Preset{"pi0_fast_libero_low_mem_finetune", Family::kPi0Fast, Robot::kLibero, 10, 180,
           kLiberoAsset, kLiberoPose},
    Preset{"pi0_libero", Family::kPi0, Robot::kLibero, 50, 48, kLiberoAsset, kLiberoPose},
    Preset{"pi0_libero_low_mem_finetune", Family::kPi0, Robot::kLibero, 50, 48, kLiberoAsset,
           kLiberoPose},
};

}  // namespace

std::span<const Preset> Presets() { return kPresets; }

Result<const Preset*> FindPreset(std::string_view name) {
  const auto* found = std::find_if(kPresets.begin(), kPresets.end(),
                                   [&](const Preset& preset) { return preset.name == name; });
  if (found != kPresets.end()) return found;
  std::vector<std::string_view> names;
  for (const Preset& preset : kPresets) names.push_back(preset.name);
  const std::string_view nearest = config::Nearest(name, names);
  return InvalidArgument(
      fmt::format("policy.preset: there is no preset \"{}\"{}", name,
                  nearest.empty() ? fmt::format("; expected one of {}", fmt::join(names, ", "))
                                  : fmt::format("; did you mean \"{}\"?", nearest)));
}

}  // namespace midstream::policy
