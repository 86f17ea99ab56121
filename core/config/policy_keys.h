// The keys of [policy]: what OpenPI has in Python code and no checkpoint says. A part of the table in
// keys.cc, which alone includes this.
#ifndef MIDSTREAM_CORE_CONFIG_POLICY_KEYS_H_
#define MIDSTREAM_CORE_CONFIG_POLICY_KEYS_H_

#include <array>

#include "core/config/rows.h"

namespace midstream::config {

inline constexpr std::array kRobots = {Name("auto", Robot::kAuto), Name("none", Robot::kNone),
                                       Name("libero", Robot::kLibero), Name("aloha", Robot::kAloha),
                                       Name("droid", Robot::kDroid)};

inline constexpr std::array kNormalizations = {Name("auto", Normalization::kAuto),
                                               Name("z_score", Normalization::kZScore),
                                               Name("quantile", Normalization::kQuantile)};

inline constexpr std::array kSwitches = {Name("auto", OnOff::kAuto), Name("on", OnOff::kOn),
                                         Name("off", OnOff::kOff)};

inline constexpr std::array kPolicyKeys = {
    String<&Config::policy, &PolicyConfig::preset>(
        "policy.preset", kAnyText,
        "The configuration of OpenPI that the checkpoint was trained with, by its name there "
        "(\"pi0_libero\", \"pi05_droid\" ...): it gives every key below that is left at its "
        "default. Empty: none."),
    Choice<kRobots, &Config::policy, &PolicyConfig::robot>(
        "policy.robot",
        "What observations hold and what replies are: those of OpenPI's transforms for "
        "\"libero\", \"aloha\" or \"droid\", \"none\" for images and state by the model's own "
        "names, or \"auto\": the preset's."),
    Integer<&Config::policy, &PolicyConfig::horizon>("policy.horizon", 0, 4096,
                                                     "Actions in a reply; 0 means the preset's."),
    Integer<&Config::policy, &PolicyConfig::max_token_len>(
        "policy.max_token_len", 0, 65536,
        "Tokens of a prompt, beyond which it is cut off; 0 means the preset's."),
    Integer<&Config::policy, &PolicyConfig::steps>("policy.steps", 1, 1000,
                                                   "Steps from noise to actions; more are slower."),
    String<&Config::policy, &PolicyConfig::tokenizer>(
        "policy.tokenizer", kAnyText,
        "The SentencePiece model of PaliGemma (paligemma_tokenizer.model), its path seen from this "
        "file; checkpoints do not hold it."),
    String<&Config::policy, &PolicyConfig::fast_tokenizer>(
        "policy.fast_tokenizer", kAnyText,
        "The folder of the FAST action tokenizer (tokenizer.json and processor_config.json), its "
        "path seen from this file: with it, the tokens of a pi0-FAST become actions."),
    String<&Config::policy, &PolicyConfig::asset_id>(
        "policy.asset_id", kAnyText,
        "The folder below the checkpoint's assets/ whose norm_stats.json is used; empty means the "
        "preset's, or the only one that there is."),
    String<&Config::policy, &PolicyConfig::norm_stats>(
        "policy.norm_stats", kAnyText,
        "The norm_stats.json itself, its path seen from this file, instead of the checkpoint's."),
    String<&Config::policy, &PolicyConfig::default_prompt>(
        "policy.default_prompt", kAnyText,
        "The prompt of observations without one; empty means the preset's, if it has one."),
    Choice<kNormalizations, &Config::policy, &PolicyConfig::normalization>(
        "policy.normalization",
        "How state and actions are scaled: by mean and deviation, by the 1st and 99th percentile, "
        "or \"auto\": as OpenPI does for the model, z_score for pi0 and quantile for the others."),
    Choice<kSwitches, &Config::policy, &PolicyConfig::discrete_state_input>(
        "policy.discrete_state_input",
        "Whether the prompt of a pi0.5 model holds the state; \"auto\": as the preset says, or "
        "on."),
    Choice<kSwitches, &Config::policy, &PolicyConfig::adapt_to_pi>(
        "policy.adapt_to_pi",
        "Whether joints and grippers of ALOHA are converted to those that the base models were "
        "trained with, and back; \"auto\" is on."),
    Integers<Plain<&Config::policy, &PolicyConfig::delta_mask>>(
        "policy.delta_mask", -1024, 1024, 64,
        "Which of the model's actions are relative to the state, in runs: [6, -1] is six that are "
        "and one that is not. Empty means the preset's; [-1] means none."),
    Integer<&Config::policy, &PolicyConfig::vision_heads>(
        "policy.vision_heads", 0, 1024,
        "Attention heads of the vision model, which the shapes in a checkpoint of PyTorch do not "
        "tell; 0 means the 16 of the one that OpenPI uses."),
};

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_POLICY_KEYS_H_
