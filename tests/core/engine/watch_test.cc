// A model that follows a folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "core/engine/engine.h"
#include "core/formats/model_source.h"
#include "core/formats/npy/npz.h"
#include "tests/core/sources/events_testing.h"
#include "tests/temporary_folder.h"

namespace midstream {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-";

class WatchTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine =
        Engine::Open("", {"backend=reference", "plugins.dir=" MS_PLUGIN_DIR, "watch.settle_ms=5"});
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    auto model = engine->Load(kDigits + "0");
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    model_ = *model;
  }

  // The values of a step as a file in the folder, without the tensors in `without`.
  void Save(int step, const std::string& name, const std::string& without = "") {
    auto reader = model_->source().OpenWeights(kDigits + std::to_string(step));
    ASSERT_TRUE(reader.ok());
    formats::NamedTensors tensors;
    for (const std::string& weight : (*reader)->names()) {
      if (weight != without) tensors.emplace_back(weight, *(*reader)->Read(weight));
    }
    const Status saved = formats::WriteNpz(folder_ + "/" + name, tensors);
    ASSERT_TRUE(saved.ok()) << saved.ToString();
  }

  std::optional<Model> model_;
  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
};

TEST_F(WatchTest, TakesWhatATrainerLeavesThere) {
  Save(100, "a.npz");
  Events events;
  auto source = model_->Watch(folder_, {}, events.callback());
  ASSERT_TRUE(source.ok()) << source.status().ToString();
  auto event = events.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_TRUE(event->status.ok()) << event->status.ToString();
  EXPECT_EQ(event->source, folder_ + "/a.npz");
  EXPECT_EQ(event->applied.version, 2u);
  EXPECT_EQ(event->applied.tensors, 8u);
  EXPECT_GT(event->applied.read_ms, 0);
  EXPECT_GT(event->applied.update_ms, 0);

  const std::string missing = "fc2/Variable";
  Save(200, "b.npz", missing);
  event = events.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->status.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(event->status.message()), HasSubstr("'" + missing + "'"));
  EXPECT_EQ(model_->version(), 2u);

  Save(200, "b.npz");
  event = events.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->applied.version, 3u);
  const auto want = model_->source().OpenWeights(kDigits + "200");
  const auto got = model_->ReadWeight(missing);
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  EXPECT_TRUE(BitEqual(*got, *(*want)->Read(missing)));
}

TEST_F(WatchTest, FollowsTheCheckpointFileOfTensorFlow) {
  for (const auto& entry : fs::directory_iterator(std::string(MS_TEST_DATA) + "/digits")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("mnist_deep_model.ckpt-50")) fs::copy(entry.path(), folder_ + "/" + name);
  }
  std::ofstream(folder_ + "/checkpoint")
      << "model_checkpoint_path: \"/gone/mnist_deep_model.ckpt-50\"\n";
  Events events;
  auto source = model_->Watch(folder_, {}, events.callback());
  ASSERT_TRUE(source.ok());
  auto event = events.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_TRUE(event->status.ok()) << event->status.ToString();
  EXPECT_EQ(event->source, folder_ + "/mnist_deep_model.ckpt-50");
  EXPECT_EQ(event->applied.tensors, 8u);
}

TEST_F(WatchTest, EndsWithItsLastHandle) {
  Events events;
  std::optional<Source> source = *model_->Watch(folder_, {}, events.callback());
  std::optional<Source> copy = source;
  source.reset();
  Save(100, "a.npz");
  ASSERT_TRUE(events.Next().has_value());
  copy.reset();
  Save(200, "b.npz");
  EXPECT_EQ(events.count(), 1u);
  EXPECT_EQ(model_->version(), 2u);
}

TEST_F(WatchTest, NeedsAFolder) {
  EXPECT_EQ(model_->Watch(folder_ + "/none", {}, {}).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace midstream
