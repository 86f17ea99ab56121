#include "core/policy/observation_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/formats/npy/npz.h"
#include "tests/core/policy/openpi_testing.h"

namespace midstream::policy {
namespace {

using ::testing::HasSubstr;

TEST(ReadObservation, TakesArraysAndThePrompt) {
  const auto observation = ReadObservation(OwnFile("observation.npz"));
  ASSERT_TRUE(observation.ok()) << observation.status().message();
  EXPECT_EQ(observation->prompt, "pick up the W\xc3\xbcrfel");
  ASSERT_EQ(observation->arrays.size(), 3u);
  EXPECT_EQ(observation->arrays.at("observation/image").shape(), Shape({16, 20, 3}));
  EXPECT_DOUBLE_EQ(observation->arrays.at("observation/state").as<double>()[0], -0.3);
}

TEST(ReadObservation, NeedsNoPrompt) {
  const std::string path = ::testing::TempDir() + "/no_prompt.npz";
  ASSERT_TRUE(formats::WriteNpz(path, {{"state", Doubles({1}, {1})}}).ok());
  const auto observation = ReadObservation(path);
  ASSERT_TRUE(observation.ok());
  EXPECT_FALSE(observation->prompt.has_value());
}

TEST(ReadObservation, NamesWhatItCannotRead) {
  EXPECT_EQ(ReadObservation("/nowhere/o.npz").status().code(), Code::kNotFound);
  const std::string path = ::testing::TempDir() + "/bad_prompt.npz";
  ASSERT_TRUE(formats::WriteNpz(path, {{"prompt", Doubles({2}, {1, 2})}}).ok());
  const auto observation = ReadObservation(path);
  ASSERT_FALSE(observation.ok());
  EXPECT_THAT(observation.status().message(), HasSubstr("bad_prompt.npz: array 'prompt'"));
}

}  // namespace
}  // namespace midstream::policy
