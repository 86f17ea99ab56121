// Python models as the engine sees them: bad ones among good ones, and a node of Python between
// ordinary nodes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/backend/host.h"
#include "core/backend/registry.h"
#include "core/engine/engine.h"
#include "core/formats/package/writer.h"
#include "core/plan/evaluator.h"
#include "core/session/session.h"
#include "core/weights/store.h"
#include "tests/plugins/python/python_testing.h"

namespace midstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using plugin_testing::Floats;

class PythonEngine : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "shared" && !plugin_testing::kSharedWorks) {
      GTEST_SKIP() << "under ThreadSanitizer";
    }
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("midstream_python_engine_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Config MakeConfig() {
    Config config = config::DefaultConfig();
    config.plugins.dir = MS_PLUGIN_DIR;
    config.plugins.list = {"python", "reference"};
    config.backend = "python";
    config.backends["python"] = {{"isolation", GetParam()}, {"interpreters", "2"}};
    return config;
  }

  // x: float32[3] -> y: float32[3], by policy:act of `code`.
  std::string Write(const std::string& name, const std::string& code) const {
    package::Contents contents;
    contents.manifest.name = name;
    contents.manifest.entry = "policy:act";
    contents.manifest.inputs = {{"x", DType::kF32, *ParseNamedShape("3")}};
    contents.manifest.outputs = {{"y", DType::kF32, *ParseNamedShape("3")}};
    contents.files["code/policy.py"] = code;
    const std::string path = (folder_ / (name + ".mspkg")).string();
    const Status written = package::WritePackage(path, contents);
    EXPECT_TRUE(written.ok()) << written.ToString();
    return path;
  }

  std::filesystem::path folder_;
};
INSTANTIATE_TEST_SUITE_P(Isolations, PythonEngine, ::testing::Values("shared", "process"),
                         [](const auto& info) { return info.param; });

Status Try(Engine& engine, const std::string& path) {
  MS_ASSIGN_OR_RETURN(Model model, engine.Load(path));
  MS_ASSIGN_OR_RETURN(Session session, model.CreateSession({}));
  return session.Run({{"x", Floats({3}, {1, 2, 3})}}).status();
}

// A package with one byte changed, cut off, or with a second one behind it.
std::vector<std::pair<std::string, std::string>> Damaged(const std::string& good) {
  std::ifstream file(good, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::string flipped = bytes;
  flipped[bytes.find("return")] = 'R';
  return {{flipped, "SHA-256"},
          {bytes.substr(0, bytes.size() / 2), "end record"},
          {bytes + bytes, "its directory is said to have"}};
}

TEST_P(PythonEngine, AnswersOnWhateverIsWrongWithOtherModels) {
  auto engine = Engine::Open(MakeConfig());
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  const std::string good = Write("good", "def act(x):\n    return [2 * v for v in x]\n");
  auto model = engine->Load(good);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  auto session = model->CreateSession({});
  ASSERT_TRUE(session.ok()) << session.status().ToString();

  std::vector<std::pair<std::string, std::string>> bad = {
      {Write("syntax", "def act(x)\n    return x\n"), "SyntaxError"},
      {Write("import", "import pandas\ndef act(x):\n    return x\n"), "'pandas' is neither"},
      {Write("entry", "def other(x):\n    return x\n"), "has no 'act'"},
      {Write("raises", "def act(x):\n    raise ValueError('not a hand')\n"), "not a hand"},
      {Write("shape", "def act(x):\n    return [1.0]\n"), "expected"},
      {Write("none", "def act(x):\n    pass\n"), "None"},
      {Write("exit", "import sys\ndef act(x):\n    sys.exit(3)\n"), "SystemExit"}};
  for (const auto& [bytes, expected] : Damaged(good)) {
    const std::string path =
        (folder_ / ("damaged" + std::to_string(bad.size()) + ".mspkg")).string();
    std::ofstream(path, std::ios::binary) << bytes;
    bad.emplace_back(path, expected);
  }
  if (GetParam() == "process") {
    bad.emplace_back(Write("crash", "import os\ndef act(x):\n    os.kill(os.getpid(), 11)\n"),
                     "died by signal 11");
  }
  for (const auto& [path, expected] : bad) {
    const Status status = Try(*engine, path);
    EXPECT_FALSE(status.ok()) << path;
    EXPECT_THAT(status.ToString(), HasSubstr(expected)) << path;
    auto answer = session->Run({{"x", Floats({3}, {1, 2, 3})}});
    ASSERT_TRUE(answer.ok()) << "after " << path << ": " << answer.status().ToString();
    EXPECT_THAT(answer->outputs[0].value.as<float>(), ElementsAre(2, 4, 6)) << path;
  }
}

constexpr const char* kShift = R"(
def shift(x, weights):
    return [[v - b for v, b in zip(row, weights["bias"])] for row in x.tolist()]
)";

Graph ProductShiftAndRelu() {
  using Texts = std::vector<std::string>;
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kF32, {-1, 2});
  const ValueId kernel = graph.AddWeight("kernel", DType::kF32, {2, 2});
  const ValueId bias = graph.AddWeight("bias", DType::kF32, {2});
  const ValueId product = graph.Add("MatMul", "product", {x, kernel});
  const ValueId shifted = graph.Add("PythonModel", "shift", {product, bias},
                                    {{"package", "/nowhere/shift.mspkg"},
                                     {"entry", "shift:shift"},
                                     {"inputs", Texts{"x"}},
                                     {"input_dtypes", Texts{"float32"}},
                                     {"input_shapes", Texts{"rows,2"}},
                                     {"outputs", Texts{"y"}},
                                     {"output_dtypes", Texts{"float32"}},
                                     {"output_shapes", Texts{"rows,2"}},
                                     {"weights", Texts{"bias"}},
                                     {"weight_offsets", std::vector<int64_t>{0}},
                                     {"files", Texts{"code/shift.py"}},
                                     {"contents", Texts{kShift}},
                                     {"extern", Texts{}},
                                     {"python", ""}},
                                    "midstream");
  graph.AddOutput(graph.Add("Relu", "y", {shifted}), "y");
  EXPECT_TRUE(graph.Compact().ok());
  return graph;
}

TEST_P(PythonEngine, ANodeOfPythonStandsBetweenOrdinaryOnes) {
  backend::Registry registry = backend::LoadPlugins(MakeConfig(), backend::ProcessHost());
  ASSERT_TRUE(registry.failures().empty()) << registry.failures()[0].status.ToString();
  backend::DeviceOptions options;
  options.values = {{"isolation", GetParam()}, {"interpreters", "2"}};
  auto python = backend::Device::Open(registry.plugins()[0].plugin, options);
  auto reference = backend::Device::Open(registry.plugins()[1].plugin, {});
  ASSERT_TRUE(python.ok() && reference.ok());
  plan::BackendEvaluator evaluator(std::vector{*reference});
  auto program =
      plan::Program::Compile(ProductShiftAndRelu(), {}, {*python, *reference}, evaluator);
  ASSERT_TRUE(program.ok()) << program.status().ToString();
  EXPECT_EQ((*program)->segments().size(), 3u);

  weights::Reaper reaper;
  const weights::Declared declared = {{"kernel", {DType::kF32, {2, 2}, true, true}},
                                      {"bias", {DType::kF32, {2}, true, true}}};
  const auto initial = [](const std::string& name) -> Result<Tensor> {
    return name == "kernel" ? Floats({2, 2}, {1, 0, 0, 1}) : Floats({2}, {1, 2});
  };
  auto store = std::make_shared<weights::Store>(declared, initial, evaluator, reaper,
                                                weights::StoreOptions{});
  auto session = session::Session::Create(*program, store);
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  const std::vector<NamedTensor> inputs = {{"x", Floats({2, 2}, {3, 1, 0, 5})}};
  auto first = (*session)->Run(inputs);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_THAT(first->outputs[0].value.as<float>(), ElementsAre(2, 0, 0, 3));

  weights::Transaction update = store->Begin();
  update.Put("kernel", Floats({2, 2}, {10, 0, 0, 10}));
  update.Put("bias", Floats({2}, {0, 1}));
  ASSERT_TRUE(update.Commit().ok());
  auto second = (*session)->Run(inputs);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_THAT(second->outputs[0].value.as<float>(), ElementsAre(30, 9, 0, 49));
  EXPECT_EQ(second->version, first->version + 1);
}

}  // namespace
}  // namespace midstream
