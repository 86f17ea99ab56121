// A model that takes what is pushed to it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

#include "core/engine/engine.h"
#include "core/formats/model_source.h"
#include "core/formats/npy/npz.h"
#include "core/formats/safetensors/writer.h"
#include "core/serve/push_client.h"
#include "tests/core/sources/events_testing.h"
#include "tests/temporary_folder.h"

namespace midstream {
namespace {

namespace fs = std::filesystem;
using formats::NamedTensors;
using serve::PushClient;
using serve::PushRequest;
using testing::HasSubstr;
using testing::Not;

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-";

class ListenTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = Engine::Open("", {"backend=reference", "plugins.dir=" MS_PLUGIN_DIR});
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    auto model = engine->Load(kDigits + "0");
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    model_ = *model;
    auto session = model_->CreateSession({{"Placeholder"}, {"fc2/add"}, {}});
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    session_ = *session;
    auto source = model_->Listen(folder_ + "/push.sock", {}, events_.callback());
    ASSERT_TRUE(source.ok()) << source.status().ToString();
    source_ = *source;
  }
  void TearDown() override { source_.reset(); }

  NamedTensors WeightsOf(int step) const {
    auto reader = model_->source().OpenWeights(kDigits + std::to_string(step));
    NamedTensors weights;
    for (const std::string& name : (*reader)->names()) {
      weights.emplace_back(name, *(*reader)->Read(name));
    }
    return weights;
  }

  Result<AppliedWeights> Push(const NamedTensors& tensors, UpdateOptions options = {}) const {
    const serve::Descriptor file(memfd_create("test", MFD_CLOEXEC));
    std::vector<formats::TensorInfo> infos;
    for (const auto& [name, value] : tensors) infos.push_back({name, value.dtype(), value.shape()});
    const Status written = safetensors::WriteTo(
        [&](const void* data, size_t size) {
          const bool whole = write(file.get(), data, size) == static_cast<ssize_t>(size);
          return whole ? OkStatus() : Internal("the test cannot write");
        },
        infos, [&](size_t i) -> Result<Tensor> { return tensors[i].second; });
    if (!written.ok()) return written;
    return Ask(file.get(), formats::TensorFormat::kSafetensors, std::move(options));
  }
  Result<AppliedWeights> Ask(int fd, formats::TensorFormat format,
                             UpdateOptions options = {}) const {
    MS_ASSIGN_OR_RETURN(PushClient client,
                        PushClient::Connect(folder_ + "/push.sock", std::chrono::seconds(0)));
    return client.Ask({serve::Verb::kPush, "the policy", format, std::move(options), 0}, fd);
  }
  // Why a push is refused, which changes nothing.
  std::string WhyRefused(const NamedTensors& tensors, UpdateOptions options = {}) const {
    const uint64_t before = model_->version();
    const auto applied = Push(tensors, std::move(options));
    EXPECT_FALSE(applied.ok());
    EXPECT_EQ(model_->version(), before);
    const std::string message(applied.status().message());
    EXPECT_THAT(message, HasSubstr("the policy"));
    EXPECT_THAT(message, Not(HasSubstr("/proc/")));
    return message;
  }

  std::optional<Model> model_;
  std::optional<Session> session_;
  std::optional<Source> source_;
  Events events_;
  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
};

TEST_F(ListenTest, TakesWhatIsPushed) {
  const NamedTensors weights = WeightsOf(100);
  const auto applied = Push(weights);
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  EXPECT_EQ(applied->version, 2u);
  EXPECT_EQ(applied->tensors, 8u);
  for (const auto& [name, value] : weights) {
    EXPECT_TRUE(BitEqual(*model_->ReadWeight(name), value)) << name;
  }
  const auto event = events_.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->source, "the policy");
  EXPECT_EQ(event->applied.version, 2u);
}

TEST_F(ListenTest, TakesAnArchive) {
  const std::string path = folder_ + "/a.npz";
  ASSERT_TRUE(formats::WriteNpz(path, WeightsOf(100)).ok());
  const serve::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto applied = Ask(file.get(), formats::TensorFormat::kNpz);
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  EXPECT_EQ(applied->tensors, 8u);
  const auto wrong = Ask(file.get(), formats::TensorFormat::kSafetensors);
  EXPECT_EQ(wrong.status().code(), Code::kDataLoss);
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("the policy"));
}

TEST_F(ListenTest, TheAnswerListsEveryBadTensor) {
  NamedTensors weights = WeightsOf(100);
  weights[0].second = *weights[0].second.Reshaped({weights[0].second.count(), 1, 1});
  weights[1].second =
      *Tensor::Copy(DType::kI32, weights[1].second.shape(), weights[1].second.bytes());
  weights.emplace_back("no/such", weights[2].second);
  const std::string why = WhyRefused(weights);
  for (const std::string& name : {weights[0].first, weights[1].first, std::string("no/such")}) {
    EXPECT_THAT(why, HasSubstr("'" + name + "'"));
  }
}

TEST_F(ListenTest, HoldsAPushToItsOptions) {
  const NamedTensors weights = WeightsOf(100);
  UpdateOptions options;
  options.check = CheckMode::kExact;
  EXPECT_THAT(WhyRefused({weights[0]}, options), HasSubstr(weights[1].first));
  options = {};
  options.digest = std::string(64, '0');
  EXPECT_THAT(WhyRefused(weights, options), HasSubstr("digest"));

  NamedTensors bad = weights;
  bad[2].second =
      *Tensor::Copy(bad[2].second.dtype(), bad[2].second.shape(), bad[2].second.bytes());
  reinterpret_cast<float*>(bad[2].second.mutable_data())[0] =
      std::numeric_limits<float>::quiet_NaN();
  options = {};
  options.finite = true;
  EXPECT_THAT(WhyRefused(bad, options), HasSubstr(bad[2].first));

  options = {};
  options.rename = {{"actor/*", "*"}};
  NamedTensors renamed;
  for (const auto& [name, value] : weights) renamed.emplace_back("actor/" + name, value);
  EXPECT_TRUE(Push(renamed, options).ok());
  EXPECT_TRUE(Push({weights[0]}).ok());  // a part of the weights
  EXPECT_EQ(model_->version(), 3u);
}

TEST_F(ListenTest, OfTwoWritersWithOneBaseTheSecondIsRefused) {
  UpdateOptions options;
  options.base = 1;
  EXPECT_TRUE(Push(WeightsOf(100), options).ok());
  EXPECT_THAT(WhyRefused(WeightsOf(200), options), HasSubstr("1"));
  EXPECT_EQ(model_->version(), 2u);
}

TEST_F(ListenTest, TellsTheVersionAndGoesBack) {
  auto client = PushClient::Connect(folder_ + "/push.sock", std::chrono::seconds(0));
  ASSERT_TRUE(client.ok());
  PushRequest request;
  EXPECT_EQ(client->Ask(request, -1)->version, 1u);
  ASSERT_TRUE(Push(WeightsOf(100)).ok());
  request.verb = serve::Verb::kRollback;
  request.version = 99;
  EXPECT_EQ(client->Ask(request, -1).status().code(), Code::kNotFound);
  request.version = 1;
  const auto back = client->Ask(request, -1);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(model_->version(), 1u);
}

}  // namespace
}  // namespace midstream
