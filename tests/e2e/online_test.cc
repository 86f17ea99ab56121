// midstream online.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kEvaluation = {"--images", Digits("eval_images.npy"), "--labels",
                                              Digits("eval_labels.npy")};

TEST(Online, TakesTheCheckpointsOfATrainingRun) {
  std::vector<std::string> args = {"online",   DigitsCheckpoint(0),
                                   "--config", std::string(MS_SOURCE_DIR) + "/configs/online.toml",
                                   "--output", "accuracy/ArgMax",
                                   "--runs",   "2",
                                   "--json",   "--weights"};
  const std::vector<int> steps = {0, 100, 500, 4000};
  for (const int step : steps) args.push_back(DigitsCheckpoint(step));
  args.insert(args.end(), kEvaluation.begin(), kEvaluation.end());
  const CommandResult result = RunCommand(args);
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto json = result.json();
  ASSERT_EQ(json["updates"].size(), steps.size());
  // What TensorFlow says of the same images: tests/data/digits/accuracy.json.
  const double images = 297;
  EXPECT_NEAR(json["updates"][0]["accuracy"], 29 / images, 1e-6);
  EXPECT_GE(json["updates"][3]["accuracy"], 0.97);
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(json["updates"][i]["version"], i + 2);
    EXPECT_EQ(json["updates"][i]["tensors"], 8);
    EXPECT_GT(json["updates"][i]["update_ms"], 0);
    EXPECT_GT(json["updates"][i]["inference_ms"], 0);
  }
  EXPECT_EQ(json["summary"]["compiles"], 0);
}

TEST(Online, FeedsTheModelsOwnValuesBack) {
  const CommandResult result = RunCommand(
      {"online", DigitsCheckpoint(4000), "--updates", "3", "--runs", "2", "--batch", "4"});
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Placeholder -> "));
  EXPECT_THAT(result.out, HasSubstr("Update 3/3: 8 tensors from own values"));
  EXPECT_THAT(result.out, HasSubstr("Update weight time cost: "));
  EXPECT_THAT(result.out, HasSubstr("Inference average time cost: "));
  EXPECT_THAT(result.out, HasSubstr("Update weight time cost, median: "));
  EXPECT_THAT(result.out, Not(HasSubstr("Accuracy")));
}

TEST(Online, CountsTheSameForScoresAsForClasses) {
  std::vector<std::string> args = {"online",    DigitsCheckpoint(0),  "--runs", "1", "--json",
                                   "--weights", DigitsCheckpoint(300)};
  args.insert(args.end(), kEvaluation.begin(), kEvaluation.end());
  auto with_classes = args;
  with_classes.insert(with_classes.end(), {"--output", "accuracy/ArgMax"});
  args.insert(args.end(), {"--output", "fc2/add"});
  const auto scores = RunCommand(args).json();
  const auto classes = RunCommand(with_classes).json();
  ASSERT_TRUE(scores.is_object() && classes.is_object());
  EXPECT_EQ(scores["updates"][0]["accuracy"], classes["updates"][0]["accuracy"]);
}

TEST(Online, RepeatsTheCheckpointsWhenMoreUpdatesAreAskedFor) {
  const auto json = RunCommand({"online", DigitsCheckpoint(0), "--updates", "3", "--runs", "1",
                                "--json", "--weights", DigitsCheckpoint(25), DigitsCheckpoint(50)})
                        .json();
  ASSERT_EQ(json["updates"].size(), 3u);
  EXPECT_EQ(json["updates"][2]["source"], DigitsCheckpoint(25));
}

TEST(Online, StopsAtACheckpointThatCannotBeRead) {
  const CommandResult result =
      RunCommand({"online", DigitsCheckpoint(0), "--runs", "1", "--weights", "nowhere.ckpt-1"});
  EXPECT_EQ(result.exit, 3);
  EXPECT_THAT(result.err, HasSubstr("nowhere.ckpt-1"));
}

TEST(Online, NeedsImagesForLabels) {
  const CommandResult result =
      RunCommand({"online", DigitsCheckpoint(0), "--labels", Digits("eval_labels.npy")});
  EXPECT_EQ(result.exit, 2);
  EXPECT_THAT(result.err, HasSubstr("--images"));
}

TEST(Online, RefusesABatchOfNothing) {
  EXPECT_EQ(RunCommand({"online", DigitsCheckpoint(0), "--batch", "0"}).exit, 2);
  EXPECT_EQ(RunCommand({"online", DigitsCheckpoint(0), "--runs", "-1"}).exit, 2);
}

}  // namespace
}  // namespace midstream::e2e
