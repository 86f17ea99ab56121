#include "core/policy/model_level.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/core/policy/openpi_testing.h"

namespace midstream::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Ids(const std::vector<int32_t>& ids) {
  return *Tensor::Copy(DType::kI32, {static_cast<int64_t>(ids.size())},
                       std::as_bytes(std::span(ids)));
}

Tensor Flags(const std::vector<uint8_t>& flags) {
  return *Tensor::Copy(DType::kBool, {static_cast<int64_t>(flags.size())},
                       std::as_bytes(std::span(flags)));
}

openpi::Sizes SmallSizes() {
  openpi::Sizes sizes;
  sizes.vision.image = 4;
  sizes.vocabulary = 100;
  sizes.action_dim = 2;
  return sizes;
}

Observation Good() {
  Observation observation;
  for (const char* camera : {"base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"}) {
    observation.arrays[std::string("image.") + camera] = Bytes({4, 4, 3}, 1);
  }
  observation.arrays["image_mask.right_wrist_0_rgb"] = *Flags({0}).Reshaped({});
  observation.arrays["state"] = Floats({2}, {1, 2});
  observation.arrays["tokens"] = Ids({2, 99, 0});
  observation.arrays["token_mask"] = Flags({1, 1, 0});
  return observation;
}

TEST(ModelLevel, IsToldByItsNames) {
  EXPECT_TRUE(IsModelLevel(Good()));
  Observation robot;
  robot.arrays["observation/image"] = Bytes({4, 4, 3}, 1);
  robot.arrays["image/base_0_rgb"] = Bytes({4, 4, 3}, 1);
  EXPECT_FALSE(IsModelLevel(robot));
}

TEST(ModelLevel, IsTakenAsItIs) {
  const auto inputs = ReadModelLevel(Good(), SmallSizes());
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  ASSERT_EQ(inputs->images.size(), 3u);
  EXPECT_EQ(inputs->images[1].camera, "left_wrist_0_rgb");
  EXPECT_TRUE(inputs->images[1].valid);
  EXPECT_FALSE(inputs->images[2].valid);
  EXPECT_THAT(inputs->tokens, ElementsAre(2, 99, 0));
  EXPECT_THAT(inputs->token_mask, ElementsAre(true, true, false));
  EXPECT_EQ(inputs->state.as<float>()[1], 2);
}

TEST(ModelLevel, OfPi0FastHasTheCamerasThatAreThere) {
  openpi::Sizes sizes = SmallSizes();
  sizes.family = openpi::Family::kPi0Fast;
  sizes.action_dim = 0;
  Observation observation = Good();
  observation.arrays.erase("image.left_wrist_0_rgb");
  observation.arrays["image.base_1_rgb"] = Bytes({4, 4, 3}, 1);
  const auto inputs = ReadModelLevel(observation, sizes);
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  ASSERT_EQ(inputs->images.size(), 3u);
  EXPECT_EQ(inputs->images[1].camera, "base_1_rgb");
}

struct BadInput {
  const char* name;
  const char* key;
  Tensor value;         // empty(): the array is missing
  const char* message;  // part of it
};
void PrintTo(const BadInput& bad, std::ostream* out) { *out << bad.name; }

class BadInputTest : public ::testing::TestWithParam<BadInput> {};

TEST_P(BadInputTest, IsOneErrorThatNamesTheKey) {
  Observation observation = Good();
  observation.arrays.erase(GetParam().key);
  if (!GetParam().value.empty()) observation.arrays[GetParam().key] = GetParam().value;
  const auto inputs = ReadModelLevel(observation, SmallSizes());
  ASSERT_FALSE(inputs.ok());
  EXPECT_EQ(inputs.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(inputs.status().message(), HasSubstr(GetParam().key));
  EXPECT_THAT(inputs.status().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    ModelLevel, BadInputTest,
    ::testing::Values(
        BadInput{"NoImage", "image.base_0_rgb", {}, "no array"},
        BadInput{"ImageOfAnotherSize", "image.base_0_rgb", Bytes({5, 4, 3}, 0), "[4,4,3]"},
        BadInput{"ImageOfDoubles", "image.base_0_rgb", *Tensor::Allocate(DType::kF64, {4, 4, 3}),
                 "float64"},
        BadInput{"ImageWithNan", "image.base_0_rgb",
                 Floats({4, 4, 3}, std::vector<float>(48, std::numeric_limits<float>::quiet_NaN())),
                 "finite"},
        BadInput{"UnknownCamera", "image.front", Bytes({4, 4, 3}, 0), "left_wrist_0_rgb"},
        BadInput{"MaskOfBytes", "image_mask.base_0_rgb", Bytes({}, 1), "expected bool"},
        BadInput{"ShortState", "state", Floats({1}, {1}), "[2]"},
        BadInput{"NoTokens", "tokens", {}, "no array"},
        BadInput{"TokensOfFloats", "tokens", Floats({3}, {1, 2, 3}), "expected int32"},
        BadInput{"TokenOutside", "tokens", Ids({2, 100, 0}), "100"},
        BadInput{"NegativeToken", "tokens", Ids({2, -1, 0}), "-1"},
        BadInput{"NoTokenMask", "token_mask", {}, "no array"},
        BadInput{"ShortTokenMask", "token_mask", Flags({1, 1}), "[3]"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace midstream::policy
