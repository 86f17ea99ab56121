#include "core/policy/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "core/policy/presets.h"

namespace midstream::policy {
namespace {

using config::OnOff;
using config::Robot;
using openpi::Family;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Presets, AreSortedAndResolve) {
  std::string_view last;
  for (const Preset& preset : Presets()) {
    EXPECT_LT(last, preset.name);
    last = preset.name;
    config::PolicyConfig config;
    config.preset = preset.name;
    const auto settings = ResolveSettings(config, preset.family);
    ASSERT_TRUE(settings.ok()) << settings.status().message();
    EXPECT_TRUE(NeedHorizon(*settings).ok() && NeedRobot(*settings).ok() &&
                NeedMaxTokenLen(*settings).ok());
  }
}

TEST(Presets, AreInTheManual) {
  std::ifstream file(MS_SOURCE_DIR "/docs/openpi.md");
  const std::string manual(std::istreambuf_iterator<char>(file), {});
  for (const Preset& preset : Presets()) {
    EXPECT_THAT(manual, HasSubstr("`" + std::string(preset.name) + "`"));
  }
}

TEST(Settings, OfAKeyBeatThePreset) {
  config::PolicyConfig config;
  config.preset = "pi0_libero";
  config.horizon = 10;
  config.robot = Robot::kDroid;
  config.default_prompt = "wave";
  config.asset_id = "mine";
  config.delta_mask = {-1};
  config.normalization = config::Normalization::kQuantile;
  const auto settings = ResolveSettings(config, Family::kPi0);
  ASSERT_TRUE(settings.ok()) << settings.status().message();
  EXPECT_EQ(settings->horizon, 10);
  EXPECT_EQ(settings->max_token_len, 48);  // the preset's
  EXPECT_EQ(settings->robot.robot, Robot::kDroid);
  EXPECT_EQ(settings->default_prompt, "wave");
  EXPECT_EQ(settings->asset_id, "mine");
  EXPECT_THAT(settings->delta_mask, ElementsAre(false));
  EXPECT_TRUE(settings->percentiles);
}

TEST(Settings, ReadRunsOfRelativeActions) {
  config::PolicyConfig config;
  config.delta_mask = {2, -1, 1};
  EXPECT_THAT(ResolveSettings(config, Family::kPi0)->delta_mask,
              ElementsAre(true, true, false, true));
}

TEST(Settings, WriteTheStateIntoPromptsOfPi05) {
  config::PolicyConfig config;
  EXPECT_EQ(ResolveSettings(config, Family::kPi0)->prompt_format, PromptFormat::kInstruction);
  EXPECT_EQ(ResolveSettings(config, Family::kPi05)->prompt_format, PromptFormat::kWithState);
  EXPECT_EQ(ResolveSettings(config, Family::kPi0Fast)->prompt_format, PromptFormat::kFast);
  config.preset = "pi05_libero";
  EXPECT_EQ(ResolveSettings(config, Family::kPi05)->prompt_format, PromptFormat::kInstruction);
  config.discrete_state_input = OnOff::kOn;
  EXPECT_EQ(ResolveSettings(config, Family::kPi05)->prompt_format, PromptFormat::kWithState);
}

TEST(Settings, SayHowToSayWhatIsOpen) {
  const auto settings = ResolveSettings({}, Family::kPi0);
  ASSERT_TRUE(settings.ok());
  EXPECT_THAT(NeedHorizon(*settings).message(), HasSubstr("--horizon"));
  EXPECT_THAT(NeedRobot(*settings).message(), HasSubstr("--robot"));
  EXPECT_THAT(NeedMaxTokenLen(*settings).message(), HasSubstr("policy.max_token_len"));
}

TEST(Settings, RefuseAPresetThatIsNone) {
  config::PolicyConfig config;
  config.preset = "pi0_libro";
  EXPECT_THAT(ResolveSettings(config, Family::kPi0).status().message(),
              HasSubstr("did you mean \"pi0_libero\""));
  config.preset = "pi05_droid";
  const auto other = ResolveSettings(config, Family::kPi0);
  EXPECT_THAT(other.status().message(), HasSubstr("pi05_droid"));
  EXPECT_THAT(other.status().message(), HasSubstr("the checkpoint is a pi0"));
}

}  // namespace
}  // namespace midstream::policy
