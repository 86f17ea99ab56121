#include "core/policy/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/policy/image.h"
#include "core/policy/normalizer.h"
#include "tests/core/policy/openpi_testing.h"

namespace midstream::policy {
namespace {

using config::Robot;
using openpi::Family;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kActionDim = 16;

Normalizer Unit(size_t size) {
  return *Normalizer::FromMeanAndDeviation(std::vector<double>(size, 0.0),
                                           std::vector<double>(size, 1.0));
}

Settings SettingsFor(Robot robot) {
  Settings settings;
  settings.robot.robot = robot;
  settings.horizon = 2;
  settings.max_token_len = 12;
  return settings;
}

openpi::Sizes TinySizes() {
  openpi::Sizes sizes;
  sizes.vision.image = 8;
  sizes.vocabulary = 1024;
  sizes.action_dim = kActionDim;
  return sizes;
}

Result<Pipeline> Make(const Settings& settings, size_t state, size_t actions) {
  return Pipeline::Create(settings, TinySizes(), Unit(state), Unit(actions), TinyTokenizer());
}

Pipeline LiberoPipeline() { return *Make(SettingsFor(Robot::kLibero), 8, 7); }

Observation LiberoObservation() {
  Observation observation;
  observation.arrays["observation/state"] = Doubles({8}, {1, 2, 3, 4, 5, 6, 7, 8});
  observation.arrays["observation/image"] = Bytes({8, 8, 3}, 10);
  observation.arrays["observation/wrist_image"] = Bytes({8, 8, 3}, 20);
  observation.prompt = "fold the towel";
  return observation;
}

TEST(Pipeline, PreparesWhatARobotSends) {
  const auto inputs = LiberoPipeline().Prepare(LiberoObservation());
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  ASSERT_EQ(inputs->images.size(), 3u);
  EXPECT_EQ(inputs->images[0].image.as<uint8_t>()[0], 10);
  EXPECT_EQ(inputs->images[1].image.as<uint8_t>()[0], 20);
  EXPECT_EQ(inputs->images[2].image.as<uint8_t>()[0], 0);
  EXPECT_TRUE(inputs->images[1].valid);
  EXPECT_FALSE(inputs->images[2].valid);
  EXPECT_EQ(inputs->state.count(), kActionDim);
  EXPECT_FLOAT_EQ(inputs->state.as<float>()[7], 8 / (1 + 1e-6f));
  EXPECT_EQ(inputs->state.as<float>()[8], 0);
  EXPECT_EQ(inputs->tokens.size(), 12u);
}

TEST(Pipeline, TakesTheDefaultPromptWhereThereIsNone) {
  Settings settings = SettingsFor(Robot::kLibero);
  Observation observation = LiberoObservation();
  const auto said = LiberoPipeline().Prepare(observation);
  settings.default_prompt = *observation.prompt;
  observation.prompt.reset();
  const auto meant = Make(settings, 8, 7)->Prepare(observation);
  ASSERT_TRUE(meant.ok()) << meant.status().message();
  EXPECT_EQ(meant->tokens, said->tokens);
}

TEST(Pipeline, AddsTheStateToRelativeActionsOnly) {
  Settings settings = SettingsFor(Robot::kLibero);
  settings.delta_mask = {true, false};
  const auto pipeline = Make(settings, 8, 7);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
  const Tensor actions = Floats({2, kActionDim}, std::vector<float>(2 * kActionDim, 1));
  const Tensor state = Floats({kActionDim}, std::vector<float>(kActionDim, 10));
  const auto reply = pipeline->Reply(actions, state);
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  const Tensor& got = reply->front().second;
  EXPECT_EQ(got.shape(), Shape({2, 7}));
  EXPECT_NEAR(got.as<double>()[0], 11, 1e-4);
  EXPECT_NEAR(got.as<double>()[1], 1, 1e-5);
  EXPECT_NEAR(got.as<double>()[7], 11, 1e-4);
}

TEST(Pipeline, RepliesWithTheStateOfARobotWithoutATransform) {
  const auto pipeline = Make(SettingsFor(Robot::kNone), 8, 7);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
  Observation observation;
  observation.arrays["state"] = Floats({8}, std::vector<float>(8, 2));
  observation.arrays["image/left_wrist_0_rgb"] = Bytes({16, 16, 3}, 9);
  observation.prompt = "go";
  const auto inputs = pipeline->Prepare(observation);
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  std::vector<bool> valid;
  for (const CameraImage& image : inputs->images) valid.push_back(image.valid);
  EXPECT_THAT(valid, ElementsAre(false, true, false));
  EXPECT_EQ(inputs->images[1].image.shape(), Shape({8, 8, 3}));
  const Tensor actions = Floats({2, kActionDim}, std::vector<float>(2 * kActionDim, 1));
  const auto reply = pipeline->Reply(actions, inputs->state);
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  ASSERT_EQ(reply->size(), 2u);
  EXPECT_EQ((*reply)[0].second.shape(), Shape({2, kActionDim}));
  EXPECT_EQ((*reply)[1].first, "state");
  EXPECT_NEAR((*reply)[1].second.as<double>()[0], 2, 1e-6);
}

TEST(Pipeline, TakesStatisticsOfPaddedStates) {
  const auto pipeline = Make(SettingsFor(Robot::kLibero), kActionDim, kActionDim);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
  EXPECT_TRUE(pipeline->Prepare(LiberoObservation()).ok());
}

struct BadSettings {
  const char* name;
  Robot robot;
  size_t state;
  size_t actions;
  size_t deltas;
  int64_t max_token_len;
  const char* message;  // part of it
};
void PrintTo(const BadSettings& bad, std::ostream* out) { *out << bad.name; }

class BadSettingsTest : public ::testing::TestWithParam<BadSettings> {};

TEST_P(BadSettingsTest, AreOneClearError) {
  Settings settings = SettingsFor(GetParam().robot);
  settings.delta_mask.assign(GetParam().deltas, true);
  settings.max_token_len = GetParam().max_token_len;
  const auto pipeline = Make(settings, GetParam().state, GetParam().actions);
  ASSERT_FALSE(pipeline.ok());
  EXPECT_EQ(pipeline.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(pipeline.status().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Pipeline, BadSettingsTest,
    ::testing::Values(BadSettings{"NoRobot", Robot::kAuto, 8, 7, 0, 12, "policy.robot"},
                      BadSettings{"NoTokens", Robot::kLibero, 8, 7, 0, 0, "policy.max_token_len"},
                      BadSettings{"LongState", Robot::kLibero, 17, 7, 0, 12, "'state'"},
                      BadSettings{"LongActions", Robot::kLibero, 8, 17, 0, 12, "'actions'"},
                      BadSettings{"LongMask", Robot::kLibero, 8, 7, 17, 12, "policy.delta_mask"}),
    [](const auto& info) { return info.param.name; });

TEST(Pipeline, RefusesAnotherModelsTokenizer) {
  openpi::Sizes sizes = TinySizes();
  sizes.vocabulary = 1000;
  const auto pipeline =
      Pipeline::Create(SettingsFor(Robot::kLibero), sizes, Unit(8), Unit(7), TinyTokenizer());
  ASSERT_FALSE(pipeline.ok());
  EXPECT_THAT(pipeline.status().message(), HasSubstr("1024"));
}

TEST(Pipeline, RefusesAlohaWhereActionsAreTooShort) {
  openpi::Sizes sizes = TinySizes();
  sizes.action_dim = 8;
  const auto pipeline =
      Pipeline::Create(SettingsFor(Robot::kAloha), sizes, Unit(8), Unit(8), TinyTokenizer());
  ASSERT_FALSE(pipeline.ok());
  EXPECT_THAT(pipeline.status().message(),
              HasSubstr("takes actions of 14 numbers, those of the model have 8"));
}

struct BadObservation {
  const char* name;
  void (*spoil)(Observation* observation);
  std::vector<const char*> message;  // parts of it
};
void PrintTo(const BadObservation& bad, std::ostream* out) { *out << bad.name; }

class BadObservationTest : public ::testing::TestWithParam<BadObservation> {};

TEST_P(BadObservationTest, IsOneErrorThatNamesTheKey) {
  Observation observation = LiberoObservation();
  GetParam().spoil(&observation);
  const auto inputs = LiberoPipeline().Prepare(observation);
  ASSERT_FALSE(inputs.ok());
  EXPECT_EQ(inputs.status().code(), Code::kInvalidArgument);
  for (const char* part : GetParam().message) {
    EXPECT_THAT(inputs.status().message(), HasSubstr(part));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Pipeline, BadObservationTest,
    ::testing::Values(
        BadObservation{"MissingImage",
                       [](Observation* o) { o->arrays.erase("observation/image"); },
                       {"'observation/image'", "'observation/wrist_image'"}},
        BadObservation{"MissingState",
                       [](Observation* o) { o->arrays.erase("observation/state"); },
                       {"'observation/state'"}},
        BadObservation{"StateOfAnotherRobot",
                       [](Observation* o) {
                         o->arrays["observation/state"] = Doubles({7}, {1, 2, 3, 4, 5, 6, 7});
                       },
                       {"7 numbers", "expects 8"}},
        BadObservation{"StateInABatch",
                       [](Observation* o) {
                         o->arrays["observation/state"] = Doubles({1, 2}, {1, 2});
                       },
                       {"'observation/state'", "[1,2]", "expected"}},
        BadObservation{"StateOfBytes",
                       [](Observation* o) { o->arrays["observation/state"] = Bytes({8}, 1); },
                       {"'observation/state'", "uint8", "expected"}},
        BadObservation{
            "StateWithNan",
            [](Observation* o) {
              o->arrays["observation/state"] = Doubles({8}, {1, 2, std::nan(""), 4, 5, 6, 7, 8});
            },
            {"'observation/state'", "value 2 is nan"}},
        BadObservation{"ImageOfIntegers",
                       [](Observation* o) {
                         o->arrays["observation/image"] = *Tensor::Allocate(DType::kI32, {8, 8, 3});
                       },
                       {"'observation/image'", "int32", "expected uint8"}},
        BadObservation{"HugeImage",
                       [](Observation* o) {
                         o->arrays["observation/image"] = Bytes({kLargestSide + 1, 1, 3}, 0);
                       },
                       {"'observation/image'", "8192"}},
        BadObservation{"ImageThatVanishes",
                       [](Observation* o) {
                         o->arrays["observation/image"] = Bytes({200, 4, 3}, 0);
                       },
                       {"'base_0_rgb'", "200 x 4"}},
        BadObservation{"NoPrompt", [](Observation* o) { o->prompt.reset(); }, {"--prompt"}},
        BadObservation{"EmptyPrompt", [](Observation* o) { o->prompt = " \n "; }, {"empty"}},
        BadObservation{"PromptOfBytes", [](Observation* o) { o->prompt = "\xff"; }, {"UTF-8"}}),
    [](const auto& info) { return info.param.name; });

// The tokens of a pi0-FAST become actions as large as the statistics, and these the reply.
TEST(Pipeline, ReadsFastTokens) {
  openpi::Sizes sizes = TinySizes();
  sizes.family = openpi::Family::kPi0Fast;
  sizes.action_dim = 0;
  const auto make = [&](const Settings& settings, size_t actions) {
    return Pipeline::Create(settings, sizes, Unit(3), Unit(actions), TinyTokenizer(),
                            *FastTokenizer::Open(OwnFile("fast")));
  };
  Settings settings = SettingsFor(Robot::kNone);
  settings.horizon = 6;
  settings.delta_mask = {true, false};
  const auto pipeline = make(settings, 3);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
  ASSERT_TRUE(pipeline->reads_tokens());
  EXPECT_FALSE(LiberoPipeline().reads_tokens());
  const auto answer = ReadJson(OwnFile("fast.json"))["answers"][0];
  const auto actions = pipeline->Actions(answer["tokens"].get<std::vector<int32_t>>());
  ASSERT_TRUE(actions.ok()) << actions.status().message();
  const auto reply = pipeline->Reply(*actions, Floats({3}, {10, 20, 30}));
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  const Tensor& sent = reply->front().second;
  ASSERT_EQ(sent.shape(), Shape({6, 3}));
  const double scale = 1 + 1e-6;
  for (size_t row = 0; row < 6; ++row) {
    const auto& wanted = answer["actions"][row];
    EXPECT_NEAR(sent.as<double>()[row * 3], (wanted[0].get<double>() + 10) * scale, 1e-10);
    EXPECT_NEAR(sent.as<double>()[row * 3 + 1], wanted[1].get<double>() * scale, 1e-10);
  }
  EXPECT_EQ(pipeline->Actions(std::vector<int32_t>{1}).status().code(), Code::kOutOfRange);
  settings.delta_mask = std::vector<bool>(4, true);
  EXPECT_THAT(make(settings, 3).status().message(), HasSubstr("policy.delta_mask"));
  settings = SettingsFor(Robot::kNone);
  settings.horizon = 0;
  EXPECT_THAT(make(settings, 3).status().message(), HasSubstr("--horizon"));
}

TEST(Pipeline, NamesCamerasThatARobotDoesNotHave) {
  Observation observation;
  observation.prompt = "go";
  observation.arrays["state"] = Doubles({14}, std::vector<double>(14, 0.1));
  observation.arrays["images/cam_high"] = Bytes({3, 8, 8}, 1);
  const auto aloha = Make(SettingsFor(Robot::kAloha), 14, 14);
  ASSERT_TRUE(aloha->Prepare(observation).ok());
  observation.arrays["images/cam_side"] = Bytes({3, 8, 8}, 1);
  const auto inputs = aloha->Prepare(observation);
  ASSERT_FALSE(inputs.ok());
  EXPECT_THAT(inputs.status().message(), HasSubstr("'images/cam_side'"));
  EXPECT_THAT(inputs.status().message(), HasSubstr("cam_right_wrist"));

  observation.arrays["image/front"] = Bytes({8, 8, 3}, 1);
  const auto none = Make(SettingsFor(Robot::kNone), 14, 14)->Prepare(observation);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.status().message(), HasSubstr("'image/front'"));
  EXPECT_THAT(none.status().message(), HasSubstr("left_wrist_0_rgb"));

  observation.arrays.erase("image/front");
  const auto blind = Make(SettingsFor(Robot::kNone), 14, 14)->Prepare(observation);
  ASSERT_FALSE(blind.ok());
  EXPECT_THAT(blind.status().message(), HasSubstr("no image"));
}

TEST(Normalizer, TellsWhatIsWrongWithStatistics) {
  const std::vector<double> three = {1, 2, 3};
  const std::vector<double> two = {1, 2};
  EXPECT_THAT(Normalizer::FromPercentiles(three, two).status().message(), HasSubstr("'q99'"));
  EXPECT_FALSE(Normalizer::FromMeanAndDeviation({}, {}).ok());
  const std::vector<double> bad = {1, std::numeric_limits<double>::infinity(), 3};
  EXPECT_THAT(Normalizer::FromMeanAndDeviation(three, bad).status().message(),
              HasSubstr("'std': number 1 is inf"));
}

TEST(Normalizer, LeavesWhatTheStatisticsDoNotReach) {
  const std::vector<double> low = {-2};
  const std::vector<double> high = {2};
  const std::vector<float> values = {0.5f, 0.75f};
  EXPECT_DOUBLE_EQ(Normalizer::FromPercentiles(low, high)->Restore(values)[1], 0.75);
  EXPECT_DOUBLE_EQ(Normalizer::FromMeanAndDeviation(low, high)->Restore(values)[1],
                   0.75 * (1 + 1e-6));
}

}  // namespace
}  // namespace midstream::policy
