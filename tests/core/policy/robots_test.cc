// The robots of openpi as its own transforms treat them, stage by stage: 18 recorded cases over 11 of
// its configurations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/policy/pipeline.h"
#include "core/policy/presets.h"
#include "tests/core/policy/openpi_testing.h"

namespace midstream::policy {
namespace {

using nlohmann::json;
using openpi::Family;

Family FamilyOf(const json& row) {
  const auto name = row["model_type"].get<std::string>();
  return name == "pi0" ? Family::kPi0 : name == "pi05" ? Family::kPi05 : Family::kPi0Fast;
}

// The values of a stage of a case: an array, or {"zeros": shape}.
class Recording {
 public:
  explicit Recording(const json& stage, const std::map<std::string, Tensor>& arrays)
      : stage_(stage), arrays_(arrays) {}

  Tensor Array(const std::string& key) const {
    const json& entry = stage_.at(key);
    if (entry.contains("zeros")) return Bytes(Shape(entry["zeros"].get<std::vector<int64_t>>()), 0);
    return arrays_.at(entry["npz"].get<std::string>());
  }
  std::vector<double> Numbers(const std::string& key) const {
    const Tensor array = Array(key);
    if (array.dtype() == DType::kF32) return {array.as<float>().begin(), array.as<float>().end()};
    EXPECT_EQ(array.dtype(), DType::kF64);
    return {array.as<double>().begin(), array.as<double>().end()};
  }

 private:
  const json& stage_;
  const std::map<std::string, Tensor>& arrays_;
};

Observation Raw(const json& row, const std::map<std::string, Tensor>& arrays) {
  Observation observation;
  const Recording raw(row["raw"], arrays);
  for (const auto& [key, entry] : row["raw"].items()) {
    if (entry.contains("str"))
      observation.prompt = entry["str"].get<std::string>();
    else
      observation.arrays[key] = raw.Array(key);
  }
  return observation;
}

Normalizer ReadNormalizer(const json& row, const std::string& field) {
  const json stats =
      ReadJson(SharedFile("pipeline/" + row["norm_stats"].get<std::string>()))["norm_stats"][field];
  const auto numbers = [&](const char* name) { return stats[name].get<std::vector<double>>(); };
  return row["use_quantile_norm"].get<bool>()
             ? *Normalizer::FromPercentiles(numbers("q01"), numbers("q99"))
             : *Normalizer::FromMeanAndDeviation(numbers("mean"), numbers("std"));
}

openpi::Sizes SizesOf(const json& row) {
  openpi::Sizes sizes;
  sizes.family = FamilyOf(row);
  sizes.vision.image = 224;
  sizes.vocabulary = 1024;
  sizes.action_dim = sizes.family == Family::kPi0Fast ? 0 : row["action_dim"].get<int64_t>();
  return sizes;
}

Settings SettingsOf(const json& row) {
  config::PolicyConfig config;
  config.preset = row["config"].get<std::string>();
  const auto settings = ResolveSettings(config, FamilyOf(row));
  EXPECT_TRUE(settings.ok()) << settings.status().message();
  return *settings;
}

void ExpectSameNumbers(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_DOUBLE_EQ(got[i], want[i]) << i;
}

void ExpectTransformed(const json& row, const std::map<std::string, Tensor>& arrays) {
  const auto inputs = ReadRobot(SettingsOf(row).robot, Raw(row, arrays));
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  const json& stage = row["after_data_transforms"];
  const Recording want(stage, arrays);
  ExpectSameNumbers(inputs->state, want.Numbers("state"));
  EXPECT_EQ(inputs->views.size(), 3u);
  for (const View& view : inputs->views) {
    EXPECT_EQ(view.valid, want.Array("image_mask/" + view.camera).as<uint8_t>()[0] != 0)
        << view.camera;
  }
  EXPECT_EQ(inputs->prompt.has_value(), stage.contains("prompt"));
  if (inputs->prompt.has_value()) {
    EXPECT_EQ(*inputs->prompt, stage["prompt"]["str"].get<std::string>());
  }
  const Recording normalised(row["after_normalize"], arrays);
  ExpectSameNumbers(ReadNormalizer(row, "state").Normalize(inputs->state),
                    normalised.Numbers("state"));
}

void ExpectPrepared(const json& row, const std::map<std::string, Tensor>& arrays,
                    const Pipeline& pipeline) {
  const auto inputs = pipeline.Prepare(Raw(row, arrays));
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  const Recording want(row["model_inputs"], arrays);
  std::vector<std::string> cameras;
  for (const CameraImage& image : inputs->images) {
    cameras.push_back(image.camera);
    EXPECT_TRUE(BitEqual(image.image, want.Array("image/" + image.camera))) << image.camera;
    EXPECT_EQ(image.valid, want.Array("image_mask/" + image.camera).as<uint8_t>()[0] != 0);
  }
  EXPECT_EQ(cameras.size(), 3u);
  EXPECT_TRUE(std::is_sorted(cameras.begin(), cameras.end()));
  const auto state = want.Numbers("state");
  ASSERT_EQ(static_cast<size_t>(inputs->state.count()), state.size());
  for (size_t i = 0; i < state.size(); ++i) {
    EXPECT_EQ(inputs->state.as<float>()[i], static_cast<float>(state[i])) << i;
  }
  const auto tokens = *want.Array("tokenized_prompt").ToInts();
  EXPECT_EQ(std::vector<int64_t>(inputs->tokens.begin(), inputs->tokens.end()), tokens);
  const auto mask = *want.Array("tokenized_prompt_mask").ToInts();
  EXPECT_EQ(std::vector<int64_t>(inputs->token_mask.begin(), inputs->token_mask.end()), mask);
}

void ExpectReplied(const json& row, const std::string& name,
                   const std::map<std::string, Tensor>& arrays, const Pipeline& pipeline) {
  const Tensor actions = arrays.at(name + "/out/model_actions");
  const Tensor state = arrays.at(name + "/out/model_state");
  const Recording unnormalised(row["unnormalized"], arrays);
  ExpectSameNumbers(ReadNormalizer(row, "state").Restore(state.as<float>()),
                    unnormalised.Numbers("state"));
  const auto size = static_cast<size_t>(actions.shape()[1]);
  std::vector<double> restored;
  for (size_t at = 0; at < static_cast<size_t>(actions.count()); at += size) {
    const auto action =
        ReadNormalizer(row, "actions").Restore(actions.as<float>().subspan(at, size));
    restored.insert(restored.end(), action.begin(), action.end());
  }
  ExpectSameNumbers(restored, unnormalised.Numbers("actions"));

  const auto reply = pipeline.Reply(actions, state);
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  ASSERT_EQ(reply->size(), 1u);
  EXPECT_EQ(reply->front().first, "actions");
  const Tensor& got = reply->front().second;
  const Tensor want = arrays.at(row["reply"]["actions"]["npz"].get<std::string>());
  EXPECT_EQ(got.dtype(), want.dtype());
  ASSERT_EQ(got.shape(), want.shape());
  for (int64_t i = 0; i < got.count(); ++i) {
    const double expected = want.as<double>()[static_cast<size_t>(i)];
    EXPECT_DOUBLE_EQ(got.as<double>()[static_cast<size_t>(i)], expected) << i;
  }
}

TEST(Robots, AreTreatedAsOpenPiTreatsThem) {
  if (!SharedDataIsThere()) GTEST_SKIP() << "the recordings of openpi are not there";
  const json rows = ReadJson(SharedFile("pipeline/robots.json"));
  const auto arrays = ReadArrays(SharedFile("pipeline/robots.npz"));
  ASSERT_EQ(rows.size(), 18u);
  for (const json& row : rows) {
    const std::string name =
        row["config"].get<std::string>() + "." + std::to_string(row["case"].get<int>());
    SCOPED_TRACE(name);
    const Settings settings = SettingsOf(row);
    EXPECT_EQ(settings.horizon, row["action_horizon"].get<int64_t>());
    EXPECT_EQ(settings.max_token_len, row["max_token_len"].get<int64_t>());
    EXPECT_EQ(settings.asset_id, row["asset_id"].get<std::string>());
    EXPECT_EQ(settings.percentiles, row["use_quantile_norm"].get<bool>());
    ExpectTransformed(row, arrays);
    const auto pipeline = Pipeline::Create(settings, SizesOf(row), ReadNormalizer(row, "state"),
                                           ReadNormalizer(row, "actions"), TinyTokenizer());
    ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
    ExpectPrepared(row, arrays, *pipeline);
    ExpectReplied(row, name, arrays, *pipeline);
  }
}

}  // namespace
}  // namespace midstream::policy
