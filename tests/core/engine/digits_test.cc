// The whole engine on a real checkpoint: TensorFlow's recorded answers, live updates, feeds and
// fetches anywhere.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/engine/engine.h"
#include "core/formats/model_source.h"
#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"

namespace midstream {
namespace {

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/";
const std::vector<int> kSteps = {0, 25, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 4000};

std::string Prefix(int step) { return kDigits + "mnist_deep_model.ckpt-" + std::to_string(step); }

// Counts differing elements; floats as numpy's allclose with the fixture's tolerances.
int64_t Mismatches(const Tensor& got, const Tensor& want) {
  if (got.dtype() != want.dtype() || got.shape() != want.shape()) return -1;
  int64_t wrong = 0;
  for (int64_t i = 0; i < got.count(); ++i) {
    auto at = static_cast<size_t>(i);
    if (got.dtype() == DType::kF32) {
      double g = got.as<float>()[at], w = want.as<float>()[at];
      if (!(std::abs(g - w) <= 1e-5 + 1e-4 * std::abs(w))) ++wrong;
    } else if (got.as<int64_t>()[at] != want.as<int64_t>()[at]) {
      ++wrong;
    }
  }
  return wrong;
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Digits : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto engine = Engine::Open(
        "", {"backend=" + GetParam(), "plugins.dir=" MS_PLUGIN_DIR, "placement.fallback=error"});
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = *engine;
    Tensor images = *formats::ReadNpy(kDigits + "eval_images.npy");
    first64_ =
        Tensor::Wrap(DType::kF32, {64, 784}, images.data(), std::make_shared<Tensor>(images));
  }

  Model Load(const std::string& path, const std::string& weights = "") {
    auto model = engine_.Load(path, weights);
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    return *model;
  }

  static Session MakeSession(Model& model, SessionOptions options) {
    auto session = model.CreateSession(options);
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    return *session;
  }

  RunResult Run(Session& session) {
    auto result = session.Run({{"Placeholder", first64_}});
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? *result : RunResult{};
  }

  void ExpectRecorded(const RunResult& result, int step) {
    std::string file = kDigits + "expected_" + std::to_string(step) + ".npz";
    ASSERT_EQ(result.outputs.size(), 2u);
    for (const NamedTensor& output : result.outputs) {
      auto want = formats::ReadNpzMember(file, output.name);
      ASSERT_TRUE(want.ok()) << want.status().ToString();
      EXPECT_EQ(Mismatches(output.value, *want), 0) << output.name << " at step " << step;
    }
  }

  const SessionOptions kBoth = {{}, {"fc2/add:0", "accuracy/ArgMax:0"}, {}};
  Engine engine_;
  Tensor first64_;
};

TEST_P(Digits, EveryCheckpointGivesTensorFlowsAnswers) {
  for (int step : kSteps) {
    Model model = Load(Prefix(4000) + ".meta", Prefix(step));
    Session session = MakeSession(model, kBoth);
    ExpectRecorded(Run(session), step);
  }
}

TEST_P(Digits, OptimizerSlotsDoNotMatter) {
  Model model = Load(kDigits + "with_slots");
  Session session = MakeSession(model, kBoth);
  ExpectRecorded(Run(session), 4000);
}

TEST_P(Digits, AnUpdateEqualsAColdLoadBitForBit) {
  Model live = Load(Prefix(0));
  Session live_session = MakeSession(live, kBoth);
  uint64_t version = 1;
  for (int step : kSteps) {
    auto updated = live.UpdateFrom(Prefix(step));
    ASSERT_TRUE(updated.ok()) << updated.status().ToString();
    EXPECT_EQ(*updated, ++version);
    Model cold = Load(Prefix(4000) + ".meta", Prefix(step));
    Session cold_session = MakeSession(cold, kBoth);
    RunResult a = Run(live_session), b = Run(cold_session);
    EXPECT_EQ(a.version, version);
    for (size_t i = 0; i < 2; ++i)
      EXPECT_TRUE(BitEqual(a.outputs[i].value, b.outputs[i].value)) << step;
    EXPECT_TRUE(BitEqual(*live.ReadWeight("fc1/Variable:0"), *cold.ReadWeight("fc1/Variable")));
  }
}

TEST_P(Digits, AThousandUpdatesCompileAndAllocateNothing) {
  Model model = Load(Prefix(0));
  Session session = MakeSession(model, kBoth);
  std::vector<std::vector<NamedTensor>> sets;
  for (int step : {25, 4000}) {
    auto reader = model.source().OpenWeights(Prefix(step));
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    auto& set = sets.emplace_back();
    for (const std::string& name : (*reader)->names())
      set.push_back({name + ":0", *(*reader)->Read(name)});
    ASSERT_EQ(set.size(), 8u);
  }
  Update update = model.BeginUpdate();
  auto push = [&](size_t i) {
    for (const NamedTensor& weight : sets[i % 2]) update.Assign(weight.name, weight.value);
    auto version = update.Commit();
    ASSERT_TRUE(version.ok()) << version.status().ToString();
  };
  for (size_t i = 0; i < 4; ++i) {
    push(i);
    Run(session);
  }
  EngineStats before = Engine::stats();
  for (size_t i = 0; i < 1000; ++i) {
    push(i);
    if (i % 100 == 0) Run(session);
  }
  EngineStats after = Engine::stats();
  EXPECT_EQ(after.compiles, before.compiles);
  EXPECT_EQ(after.system_allocations, before.system_allocations);
  EXPECT_LE(after.backend_bytes, 2 * before.backend_bytes);  // the reaper may still hold one set
  ExpectRecorded(Run(session), 4000);
}

TEST_P(Digits, AnyTensorMayBeFedAndFetched) {
  Model model = Load(kDigits);
  Session whole =
      MakeSession(model, {{}, {"fc1/Relu", "fc2/add", "Placeholder", "fc2/Variable/read"}, {}});
  RunResult all = Run(whole);
  ASSERT_EQ(all.outputs.size(), 4u);
  EXPECT_TRUE(BitEqual(all.outputs[2].value, first64_));
  EXPECT_TRUE(BitEqual(all.outputs[3].value, *model.ReadWeight("fc2/Variable")));
  Session tail = MakeSession(model, {{"fc1/Relu"}, {"fc2/add"}, {}});
  auto result = tail.Run({{"fc1/Relu:0", all.outputs[0].value}});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(Mismatches(result->outputs[0].value, all.outputs[1].value), 0);
}

TEST_P(Digits, KeepProbMayBeFedWithOneAndNothingElse) {
  Model model = Load(kDigits);
  Session session = MakeSession(model, {{"Placeholder", "dropout/Placeholder"}, kBoth.outputs, {}});
  auto result = session.Run(
      {{"Placeholder", first64_}, {"dropout/Placeholder:0", Tensor::Scalar(DType::kF32, 1.0f)}});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  ExpectRecorded(*result, 4000);
  auto half = session.Run(
      {{"Placeholder", first64_}, {"dropout/Placeholder", Tensor::Scalar(DType::kF32, 0.5f)}});
  ASSERT_FALSE(half.ok());
  EXPECT_NE(half.status().ToString().find("dropout/Placeholder"), std::string::npos)
      << half.status().ToString();
}

TEST_P(Digits, ABadUpdateChangesNothing) {
  Model model = Load(Prefix(4000));
  Session session = MakeSession(model, kBoth);
  RunResult before = Run(session);
  Update update = model.BeginUpdate();
  update.Assign("fc2/Variable_1", *model.ReadWeight("fc2/Variable_1"));
  update.Assign("fc2/Variable", Tensor::Scalar(DType::kF32, 1.0f));
  update.Assign("fc9/Variable", Tensor::Scalar(DType::kF32, 1.0f));
  auto version = update.Commit();
  ASSERT_FALSE(version.ok());
  std::string text = version.status().ToString();
  EXPECT_NE(text.find("fc2/Variable'"), std::string::npos) << text;
  EXPECT_NE(text.find("fc9/Variable'"), std::string::npos) << text;
  EXPECT_FALSE(model.UpdateFrom(kDigits + "no_such_prefix").ok());
  RunResult after = Run(session);
  EXPECT_EQ(after.version, before.version);
  EXPECT_TRUE(BitEqual(after.outputs[0].value, before.outputs[0].value));
}

// Two weights of the checkpoint damaged: both are named, and the old weights stay.
TEST_P(Digits, ADamagedCheckpointIsRefusedWhole) {
  Model model = Load(Prefix(4000));
  Session session = MakeSession(model, kBoth);
  RunResult before = Run(session);
  std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("damaged_" + GetParam());
  std::filesystem::create_directories(folder);
  std::string copy = (folder / "model.ckpt").string();
  std::filesystem::copy_file(Prefix(500) + ".index", copy + ".index",
                             std::filesystem::copy_options::overwrite_existing);
  std::string data = ReadWhole(Prefix(500) + ".data-00000-of-00001");
  data[100] ^= 1;
  data[data.size() - 100] ^= 1;
  std::ofstream(copy + ".data-00000-of-00001", std::ios::binary) << data;

  auto version = model.UpdateFrom(copy);
  ASSERT_FALSE(version.ok());
  EXPECT_EQ(version.status().code(), Code::kDataLoss);
  std::string text = version.status().ToString();
  EXPECT_NE(text.find("2 problems"), std::string::npos) << text;
  EXPECT_NE(text.find(copy + ".data-00000-of-00001"), std::string::npos) << text;
  RunResult after = Run(session);
  EXPECT_EQ(after.version, before.version);
  EXPECT_TRUE(BitEqual(after.outputs[0].value, before.outputs[0].value));
  std::filesystem::remove_all(folder);
}

TEST_P(Digits, DropoutIsRefusedWhenTheConfigurationSaysSo) {
  auto engine = Engine::Open(
      "", {"backend=" + GetParam(), "plugins.dir=" MS_PLUGIN_DIR, "graph.dropout=error"});
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  auto model = engine->Load(kDigits);
  ASSERT_TRUE(model.ok());
  auto session = model->CreateSession(kBoth);
  ASSERT_FALSE(session.ok());
  EXPECT_NE(session.status().ToString().find("dropout"), std::string::npos)
      << session.status().ToString();
}

INSTANTIATE_TEST_SUITE_P(Backends, Digits, ::testing::Values("reference", "cpu_blas"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace midstream
