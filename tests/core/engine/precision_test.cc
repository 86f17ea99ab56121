// Every precision mode on every backend: how far the logits of a real model move from TensorFlow's
// float32 answers.

#include <gtest/gtest.h>

#include <cmath>

#include "core/engine/engine.h"
#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"

namespace midstream {
namespace {

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/";

// The largest difference of a logit, as a share of the largest logit. Half keeps 11 bits and
// bfloat16 8: with sums in float32, rounding the operands of four layers costs a few units of the
// last place.
struct Mode {
  const char* name;
  double bound;
  bool exact;  // the mode keeps float32: equal to origin bit for bit
};
const Mode kModes[] = {{"origin", 1e-5, true},
                       {"must_keep_origin_dtype", 1e-5, true},
                       {"allow_fp32_to_bf16", 1e-5, true},
                       {"force_fp32", 2e-3, false},
                       {"cube_fp16in_fp32out", 2e-3, false},
                       {"allow_fp32_to_fp16", 2e-3, false},
                       {"force_fp16", 2e-3, false},
                       {"mixed_float16", 2e-3, false},
                       {"allow_mix_precision_bf16", 2e-2, false}};

class Precision : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    Tensor images = *formats::ReadNpy(kDigits + "eval_images.npy");
    first64_ =
        Tensor::Wrap(DType::kF32, {64, 784}, images.data(), std::make_shared<Tensor>(images));
  }

  Result<Engine> Open(const std::string& mode) {
    return Engine::Open("", {"backend=" + GetParam(), "plugins.dir=" MS_PLUGIN_DIR,
                             "precision.mode=" + mode, "placement.fallback=error"});
  }

  Tensor Logits(Model& model) {
    auto session = model.CreateSession({{}, {"fc2/add"}, {}});
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    auto result = session->Run({{"Placeholder", first64_}});
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result->outputs[0].value;
  }

  Tensor first64_;
};

TEST_P(Precision, EveryModeStaysWithinItsBound) {
  Tensor want = *formats::ReadNpzMember(kDigits + "expected_4000.npz", "fc2/add:0");
  Tensor origin;
  for (const Mode& mode : kModes) {
    auto engine = Open(mode.name);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    Model model = *engine->Load(kDigits);
    Tensor got = Logits(model);
    ASSERT_EQ(got.dtype(), DType::kF32) << mode.name;  // outputs keep the model's dtype
    double worst = 0, largest = 0;
    for (size_t i = 0; i < want.as<float>().size(); ++i) {
      worst =
          std::max(worst, std::abs(static_cast<double>(got.as<float>()[i]) - want.as<float>()[i]));
      largest = std::max(largest, std::abs(static_cast<double>(want.as<float>()[i])));
    }
    EXPECT_LE(worst / largest, mode.bound) << mode.name;
    if (origin.empty()) origin = got;
    EXPECT_EQ(BitEqual(got, origin), mode.exact) << mode.name;
  }
}

TEST_P(Precision, UpdatesAreConvertedAsAColdLoadIs) {
  for (const char* mode : {"force_fp16", "mixed_bfloat16"}) {
    auto engine = Open(mode);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    Model live = *engine->Load(kDigits + "mnist_deep_model.ckpt-0");
    auto session = live.CreateSession({{}, {"fc2/add"}, {}});
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    ASSERT_TRUE(live.UpdateFrom(kDigits + "mnist_deep_model.ckpt-500").ok());
    Model cold =
        *engine->Load(kDigits + "mnist_deep_model.ckpt-0", kDigits + "mnist_deep_model.ckpt-500");
    auto updated = session->Run({{"Placeholder", first64_}});
    ASSERT_TRUE(updated.ok()) << updated.status().ToString();
    EXPECT_TRUE(BitEqual(updated->outputs[0].value, Logits(cold))) << mode;
    // The stored half is not all there is: the trainer's float32 value can still be read.
    EXPECT_TRUE(BitEqual(*live.ReadWeight("fc1/Variable"), *cold.ReadWeight("fc1/Variable")))
        << mode;
  }
}

TEST_P(Precision, AModeThatNoBackendHasIsRefused) {
  auto engine = Open("mixed_hif8");
  ASSERT_FALSE(engine.ok());
  EXPECT_NE(engine.status().ToString().find("mixed_hif8"), std::string::npos)
      << engine.status().ToString();
}

INSTANTIATE_TEST_SUITE_P(Backends, Precision, ::testing::Values("reference", "cpu_blas"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace midstream
