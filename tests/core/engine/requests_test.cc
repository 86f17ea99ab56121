// Requests on real backends, as a configuration sets them up.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/engine/engine.h"
#include "core/formats/npy/npy.h"

namespace midstream {
namespace {

constexpr const char* kCheckpoint = MS_TEST_DATA "/digits/mnist_deep_model.ckpt-4000";

class Requests : public ::testing::TestWithParam<const char*> {
 protected:
  Session MakeSession(std::vector<std::string> overrides) {
    overrides.push_back(std::string("backend=") + GetParam());
    overrides.push_back("plugins.dir=" MS_PLUGIN_DIR);
    auto engine = Engine::Open("", overrides);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    model_ = *engine->Load(kCheckpoint);
    auto session = model_->CreateSession({{"Placeholder"}, {"fc2/add"}, {}});
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    return *session;
  }
  std::vector<NamedTensor> Images(int64_t first, int64_t rows) const {
    const float* pixels = images_.as<float>().data() + first * 784;
    return {{"Placeholder", Tensor::Wrap(DType::kF32, {rows, 784}, pixels, nullptr)}};
  }

  const Tensor images_ = *formats::ReadNpy(MS_TEST_DATA "/digits/eval_images.npy");
  std::optional<Model> model_;
};

TEST_P(Requests, InstancesTimesStreamsExecuteAtTheSameTime) {
  Session session =
      MakeSession({"execution.instances=2", "execution.streams=2", "execution.threads=1"});
  // So many that an execution lasts longer than it takes to start the others.
  const int64_t rows = GetParam() == std::string("reference") ? 64 : 2048;
  Tensor x = *Tensor::Allocate(DType::kF32, {rows, 784});
  for (float& pixel : x.mutable_as<float>()) pixel = 0.5F;
  const std::vector<NamedTensor> inputs = {{"Placeholder", x}};
  uint64_t most = 0;
  for (int round = 0; round < 100 && most < 4; ++round) {  // on a busy machine not in the first
    std::vector<Response> responses;
    for (int i = 0; i < 6; ++i) responses.push_back(*session.Submit(inputs));
    while (!responses.back().Ready()) {
      const uint64_t now = session.stats().executing;
      EXPECT_LE(now, 4u);
      most = std::max(most, now);
    }
    for (const Response& response : responses) EXPECT_TRUE(response.Get().ok());
  }
  EXPECT_EQ(most, 4u);
}

// Full batches only: they form whatever the machine's load.
TEST_P(Requests, BatchesHaveTheBitsOfSingleRuns) {
  Session single = MakeSession({"execution.deterministic=true"});
  Session batching = MakeSession(
      {"execution.deterministic=true", "batching.max_size=8", "batching.max_delay_us=10000000"});
  const std::vector<int64_t> rows = {1, 3, 2, 2, 5, 1, 1, 1, 4, 4};  // 3 x 8
  std::vector<Response> responses;
  int64_t first = 0;
  for (int64_t n : rows) {
    responses.push_back(*batching.Submit(Images(first, n)));
    first += n;
  }
  first = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    auto alone = single.Run(Images(first, rows[i]));
    auto together = responses[i].Get();
    ASSERT_TRUE(alone.ok() && together.ok()) << together.status().ToString();
    EXPECT_TRUE(BitEqual(alone->outputs[0].value, together->outputs[0].value)) << i;
    first += rows[i];
  }
  const SessionStats stats = batching.stats();
  EXPECT_EQ(stats.batch_rows.count, 3u);
  EXPECT_EQ(stats.batch_rows.min, 8u);
}

TEST_P(Requests, RefusesWhatTheConfigurationDoesNotAllow) {
  Session session = MakeSession({"queue.max_requests=1", "execution.threads=1"});
  Status refused;
  std::vector<Response> responses;
  while (refused.ok()) {
    auto response = session.Submit(Images(0, 64));
    if (response.ok()) {
      responses.push_back(*response);
    } else {
      refused = response.status();
    }
  }
  EXPECT_EQ(refused.code(), Code::kResourceExhausted);
  EXPECT_THAT(refused.ToString(), ::testing::HasSubstr("queue.max_requests is 1"));
  for (const Response& response : responses) EXPECT_TRUE(response.Get().ok());
}

TEST_P(Requests, AClosedSessionStillDescribesItself) {
  Session session = MakeSession({});
  EXPECT_TRUE(session.Close().ok());
  EXPECT_EQ(session.inputs().at(0).name, "Placeholder");
  EXPECT_FALSE(session.precision().nodes.empty());
  EXPECT_EQ(session.DescribeGraph(), "");
  EXPECT_EQ(session.Run(Images(0, 1)).status().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(model_->CreateSession({{"Placeholder"}, {"fc2/add"}, {}}).ok());
}

TEST_P(Requests, RunWithThePinnedVersionWhateverComesLater) {
  Session session = MakeSession({"weights.keep_versions=3"});
  const VersionPin pin = model_->Pin();
  auto before = session.Run(Images(0, 2));
  ASSERT_TRUE(model_->UpdateFrom(MS_TEST_DATA "/digits/mnist_deep_model.ckpt-0").ok());
  auto response = session.Submit(Images(0, 2), {.version = pin});
  auto pinned = response->Get();
  ASSERT_TRUE(before.ok() && pinned.ok()) << pinned.status().ToString();
  EXPECT_EQ(pinned->version, pin.version());
  EXPECT_TRUE(BitEqual(before->outputs[0].value, pinned->outputs[0].value));
  EXPECT_EQ(session.Run(Images(0, 2))->version, 2u);
}

TEST_P(Requests, RefuseAVersionOfAnotherModel) {
  Session session = MakeSession({});
  const Model first = *model_;
  Session other = MakeSession({});
  auto refused = other.Submit(Images(0, 1), {.version = first.Pin()});
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.status().ToString(), ::testing::HasSubstr("another model"));
}

TEST_P(Requests, UnloadingAModelClosesItsSessions) {
  Session session = MakeSession({});
  Response response = *session.Submit(Images(0, 1));
  model_->Unload();
  EXPECT_TRUE(response.Get().ok()) << "it was there before";
  EXPECT_EQ(session.Submit(Images(0, 1)).status().code(), Code::kFailedPrecondition);
}

INSTANTIATE_TEST_SUITE_P(Backends, Requests, ::testing::Values("cpu_blas", "reference"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace midstream
