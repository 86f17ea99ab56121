// pi0, pi0.5 and pi0-FAST against what openpi itself computed, stage by stage, on every backend.

#include "core/policy/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/core/policy/golden_testing.h"

namespace midstream::policy {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kCameras = {"base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"};
const std::vector<std::string> kFastCameras = {"base_0_rgb", "base_1_rgb", "wrist_0_rgb"};

constexpr double kFloat = 1e-4;  // of the largest value of a stage
constexpr double kHalf = 0.02;

Engine OpenEngine(const std::string& backend) {
  return *Engine::Open("", {"plugins.dir=" MS_PLUGIN_DIR, "backend=" + backend,
                            "policy.vision_heads=4", "execution.threads=2"});
}

bool HasOpenCl() {
  static const bool has =
      Engine::Open("", {"plugins.dir=" MS_PLUGIN_DIR, "backend=opencl", "placement.fallback=error"})
          .ok();
  return has;
}

Tensor MaskOf(const ModelInputs& inputs, int64_t image_tokens) {
  std::vector<uint8_t> mask;
  for (const CameraImage& image : inputs.images) {
    mask.insert(mask.end(), static_cast<size_t>(image_tokens), image.valid ? 1 : 0);
  }
  for (const bool valid : inputs.token_mask) mask.push_back(valid ? 1 : 0);
  return *Tensor::Copy(DType::kBool, {static_cast<int64_t>(mask.size())},
                       std::as_bytes(std::span(mask)));
}

bool OfAMaskedImage(const std::string& tap, const ModelInputs& inputs) {
  return std::any_of(inputs.images.begin(), inputs.images.end(), [&](const CameraImage& image) {
    return !image.valid && tap.find(image.camera) != std::string::npos;
  });
}

// Where a recorded array has its samples; -1: it is the same for all.
int SampleAxis(const std::string& tap) {
  if (tap == "prefix.ar" || tap.ends_with(".ar") || tap == "trajectory.t") return -1;
  const bool layers_first = tap.ends_with(".k") || tap.ends_with(".v");
  return layers_first || tap == "trajectory.x" ? 1 : 0;
}

// The rows that count of a recorded stage, and which axis they are on.
struct Rows {
  Tensor mask;
  size_t axis = 0;
};
Rows RowsOf(const std::string& tap, const Tensor& mask) {
  if (!tap.starts_with("prefix.")) return {};
  return {mask, tap == "prefix.k" || tap == "prefix.v" ? size_t{2} : size_t{1}};
}

// How far openpi's own results in bfloat16 are from its results in float32.
double OwnSpread(const Golden& golden, const std::string& tap, int64_t sample, const Rows& rows,
                 const Tensor& exact) {
  const auto axis = static_cast<size_t>(std::max(SampleAxis(tap), 0));
  double spread = 0;
  for (const std::string& name : golden.Names("")) {
    if (name != "jax_bf16." + tap && name != "torch_bf16." + tap) continue;
    const Tensor half = Golden::Sample(golden.Read(name), sample, axis);
    spread = std::max(spread, RelativeError(half, exact, rows.mask, rows.axis));
  }
  return spread;
}

struct Case {
  std::string model;
  std::string checkpoint;
  std::string recorded;  // whose outputs
  std::string jax;       // whose stages, where PyTorch's were not recorded
  double tolerance;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.model << "/" << c.checkpoint; }

// A stage in float32 is held to what was recorded. One in bfloat16 is within 2 % of it, or at least as
// near to what was recorded in float32 as openpi's own results in bfloat16 are.
void ExpectClose(const Case& c, const Golden& golden, const std::string& tap, int64_t sample,
                 const Rows& rows, const Tensor& actual, const Tensor& expected) {
  const double error = RelativeError(actual, expected, rows.mask, rows.axis);
  if (c.tolerance == kHalf && error > kHalf) {
    const auto axis = static_cast<size_t>(std::max(SampleAxis(tap), 0));
    const Tensor exact = Golden::Sample(golden.Read("jax_f32." + tap), sample, axis);
    EXPECT_LE(RelativeError(actual, exact, rows.mask, rows.axis),
              OwnSpread(golden, tap, sample, rows, exact))
        << tap << ", which is " << error << " from what was recorded in bfloat16";
    return;
  }
  EXPECT_LE(error, c.tolerance) << tap;
}

// Every recorded stage and the actions after 10, 5 and 1 steps.
void ExpectRecorded(const Case& c, const std::string& backend, int64_t sample,
                    const std::vector<int64_t>& all_steps) {
  const Golden golden(c.model);
  Engine engine = OpenEngine(backend);
  auto model = engine.Load(kOpenPi + c.model + "/" + c.checkpoint);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  auto runner = Runner::Open(engine, *model);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();
  const ModelInputs inputs = golden.Inputs(sample, kCameras);
  const Tensor noise = golden.Input("noise", sample);

  std::map<std::string, Tensor> taps;
  for (int64_t steps : all_steps) {
    RunOptions options{.steps = steps, .taps = {}};
    if (taps.empty()) options.taps = {"all"};
    const auto result = runner->Run(inputs, noise, options);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    if (taps.empty()) taps = result->taps;
    const std::string name = c.recorded + ".actions.steps" + std::to_string(steps);
    const Tensor expected = Golden::Sample(golden.Read(name), sample, 0);
    const Tensor actual = *result->actions.Reshaped(expected.shape());
    ExpectClose(c, golden, "actions.steps" + std::to_string(steps), sample, {}, actual, expected);
  }
  const Tensor mask = MaskOf(inputs, runner->sizes().vision.tokens);
  std::set<std::string> compared;
  for (const std::string& source : {c.recorded, c.jax}) {
    for (const std::string& name : golden.Names(source + ".")) {
      const std::string tap = name.substr(source.size() + 1);
      if (tap.starts_with("actions.") || OfAMaskedImage(tap, inputs)) continue;
      // The two layouts embed the time in different precisions.
      if (source != c.recorded && tap.ends_with("time_emb")) continue;
      // The loop's own stages depend on the number of steps.
      if (tap.starts_with("trajectory.") && all_steps.front() != 10) continue;
      ASSERT_EQ(taps.count(tap), 1u) << tap;
      if (!compared.insert(tap).second) continue;
      const Tensor all = golden.Read(name);
      const int axis = SampleAxis(tap);
      const Tensor expected =
          axis < 0 ? all : Golden::Sample(all, sample, static_cast<size_t>(axis));
      if (expected.dtype() != DType::kF32) {
        EXPECT_TRUE(BitEqual(taps[tap], expected)) << tap;
        continue;
      }
      const Rows rows = RowsOf(tap, mask);
      ExpectClose(c, golden, tap, sample, rows, taps[tap], expected);
    }
  }
  EXPECT_GE(compared.size(), 29u);
}

class RecordedRun : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!HaveOpenPi()) GTEST_SKIP() << kOpenPi << " is not there";
  }
};

TEST_P(RecordedRun, OnCpuBlas) {
  for (int64_t sample : {0, 1}) ExpectRecorded(GetParam(), "cpu_blas", sample, {10, 5, 1});
}

TEST_P(RecordedRun, OnReference) {
  const bool large = GetParam().model == "pi05_tiny";
  ExpectRecorded(GetParam(), "reference", large ? 1 : 0,
                 large ? std::vector<int64_t>{1} : std::vector<int64_t>{10, 5, 1});
}

TEST_P(RecordedRun, OnOpenCl) {
  if (!HasOpenCl()) GTEST_SKIP() << "no OpenCL platform";
  ExpectRecorded(GetParam(), "opencl", 1, {10, 5, 1});
}

INSTANTIATE_TEST_SUITE_P(
    OpenPi, RecordedRun,
    ::testing::Values(Case{"pi0_tiny", "jax_f32", "jax_f32", "torch_f32", kFloat},
                      Case{"pi0_tiny", "jax_train/1000", "jax_f32", "torch_f32", kFloat},
                      Case{"pi0_tiny", "jax_bf16", "jax_bf16", "jax_f32", kHalf},
                      Case{"pi05_tiny", "jax_f32", "jax_f32", "torch_f32", kFloat},
                      Case{"pi05_tiny", "jax_train/1000", "jax_f32", "torch_f32", kFloat},
                      Case{"pi05_tiny", "jax_bf16", "jax_bf16", "jax_f32", kHalf},
                      Case{"pi0_tiny", "torch_f32", "torch_f32", "jax_f32", kFloat},
                      Case{"pi0_tiny", "torch_f32_upstream", "torch_f32", "jax_f32", kHalf},
                      Case{"pi0_tiny", "torch_bf16", "torch_bf16", "jax_bf16", kHalf},
                      Case{"pi05_tiny", "torch_f32", "torch_f32", "jax_f32", kFloat},
                      Case{"pi05_tiny", "torch_bf16", "torch_bf16", "jax_bf16", kHalf}),
    [](const auto& info) {
      std::string name = info.param.model + "_" + info.param.checkpoint;
      return name.substr(0, name.find('/'));
    });

// Of pi0-FAST: the recorded logits and tokens, and stages before and after right alignment.
TEST(RecordedFast, OnEveryBackend) {
  if (!HaveOpenPi()) GTEST_SKIP() << kOpenPi << " is not there";
  const Golden golden("fast_tiny");
  for (const std::string backend : {"reference", "cpu_blas", "opencl"}) {
    if (backend == "opencl" && !HasOpenCl()) continue;
    Engine engine = OpenEngine(backend);
    auto model = engine.Load(kOpenPi + "fast_tiny/jax_f32");
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    auto runner = Runner::Open(engine, *model);
    ASSERT_TRUE(runner.ok()) << runner.status().ToString();
    for (int64_t sample : {0, 1}) {
      const ModelInputs inputs = golden.Inputs(sample, kFastCameras);
      auto result = runner->Run(inputs, {}, {.max_new_tokens = 12, .taps = {"all"}});
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      size_t compared = 0;
      for (const std::string& name : golden.Names("jax_f32.")) {
        const std::string tap = name.substr(std::string("jax_f32.").size());
        if (tap == "tokens") continue;
        ++compared;
        const auto axis = static_cast<size_t>(SampleAxis(tap));
        const Tensor expected = Golden::Sample(golden.Read(name), sample, axis);
        ASSERT_EQ(result->taps.count(tap), 1u) << tap;
        if (expected.dtype() != DType::kF32) {
          EXPECT_TRUE(BitEqual(result->taps[tap], expected)) << tap;
          continue;
        }
        Rows rows = RowsOf(tap, Golden::Sample(golden.Read(tap.ends_with("_unaligned")
                                                               ? "jax_f32.prefix.mask_unaligned"
                                                               : "jax_f32.prefix.mask"),
                                               sample, 0));
        if (axis == 1) rows = {Golden::Sample(golden.Read("jax_f32.prefix.mask"), sample, 0), 2};
        EXPECT_LE(RelativeError(result->taps[tap], expected, rows.mask, rows.axis), kFloat)
            << backend << " " << tap;
      }
      EXPECT_EQ(compared, 11u);
      const Tensor tokens = Golden::Sample(golden.Read("jax_f32.tokens"), sample, 0);
      ASSERT_EQ(result->tokens.size(), 12u);
      for (size_t i = 0; i < 12; ++i) {
        EXPECT_EQ(static_cast<float>(result->tokens[i]), tokens.as<float>()[i]);
      }
    }
  }
}

}  // namespace
}  // namespace midstream::policy
