// Weights from files of named tensors, where a checkpoint is accepted too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/engine/engine.h"
#include "core/formats/model_source.h"
#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"
#include "core/formats/safetensors/writer.h"
#include "tests/temporary_folder.h"

namespace midstream {
namespace {

using formats::NamedTensors;
using testing::HasSubstr;

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-";

class WeightSources : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto engine = Engine::Open("", {"backend=reference", "plugins.dir=" MS_PLUGIN_DIR});
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = *engine;
    const Tensor all = *formats::ReadNpy(std::string(MS_TEST_DATA) + "/digits/eval_images.npy");
    images_ = *Tensor::Copy(DType::kF32, {16, 784}, all.bytes().first(16 * 784 * 4));
  }

  static NamedTensors WeightsOf(int step) {
    auto model = formats::OpenModel(kDigits + "4000");
    auto reader = (*model)->OpenWeights(kDigits + std::to_string(step));
    NamedTensors weights;
    for (const std::string& name : (*reader)->names()) {
      weights.emplace_back(name, *(*reader)->Read(name));
    }
    return weights;
  }

  std::string Save(const NamedTensors& tensors) const {
    const std::string path = folder_ + "/w" + GetParam();
    Status saved;
    if (GetParam() == ".npz") {
      saved = formats::WriteNpz(path, tensors);
    } else {
      std::vector<formats::TensorInfo> infos;
      for (const auto& [name, value] : tensors) {
        infos.push_back({name, value.dtype(), value.shape()});
      }
      saved = safetensors::Write(path, infos,
                                 [&](size_t i) -> Result<Tensor> { return tensors[i].second; });
    }
    EXPECT_TRUE(saved.ok()) << saved.ToString();
    return path;
  }

  Tensor Logits(Model& model) {
    auto session = model.CreateSession({{"Placeholder"}, {"fc2/add"}, {}});
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    auto result = session->Run({{"Placeholder", images_}});
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result->outputs[0].value;
  }

  Engine engine_;
  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  Tensor images_;
};

INSTANTIATE_TEST_SUITE_P(Formats, WeightSources, testing::Values(".safetensors", ".npz"));

TEST_P(WeightSources, GiveTheBitsOfTheCheckpointTheyCameFrom) {
  auto want = engine_.Load(kDigits + "0", kDigits + "200");
  ASSERT_TRUE(want.ok());
  const Tensor logits = Logits(*want);

  const std::string path = Save(WeightsOf(200));
  auto cold = engine_.Load(kDigits + "0", path);
  ASSERT_TRUE(cold.ok()) << cold.status().ToString();
  EXPECT_TRUE(BitEqual(Logits(*cold), logits));

  auto live = engine_.Load(kDigits + "0");
  ASSERT_TRUE(live.ok());
  EXPECT_FALSE(BitEqual(Logits(*live), logits));
  auto version = live->UpdateFrom(path);
  ASSERT_TRUE(version.ok()) << version.status().ToString();
  EXPECT_EQ(*version, 2u);
  EXPECT_TRUE(BitEqual(Logits(*live), logits));
}

TEST_P(WeightSources, ABadFileChangesNothingAndListsEverything) {
  auto model = engine_.Load(kDigits + "0");
  ASSERT_TRUE(model.ok());
  const Tensor before = Logits(*model);
  NamedTensors weights = WeightsOf(200);
  const std::string missing = weights[0].first;
  weights.erase(weights.begin());
  auto partial = model->UpdateFrom(Save(weights));
  ASSERT_FALSE(partial.ok());
  EXPECT_THAT(std::string(partial.status().message()), HasSubstr(missing));
  weights[0].second = *weights[0].second.Reshaped({weights[0].second.count(), 1, 1});
  weights.emplace_back("no/such", weights[1].second);
  auto bad = model->UpdateFrom(Save(weights));
  ASSERT_FALSE(bad.ok());
  for (const std::string& name : {missing, weights[0].first, std::string("no/such")}) {
    EXPECT_THAT(std::string(bad.status().message()), HasSubstr("'" + name + "': "));
  }
  EXPECT_EQ(model->version(), 1u);
  EXPECT_TRUE(BitEqual(Logits(*model), before));
}

}  // namespace
}  // namespace midstream
