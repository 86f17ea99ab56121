// Whether the node at fault is found by name: the backend tests/faulty computes one node wrong.
#include "core/compare/layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>

#include "core/base/log.h"
#include "core/compare/comparison.h"
#include "tests/fixtures/fixture_testing.h"

namespace midstream::compare {
namespace {

using fixtures::Fixture;

constexpr int kFaultsInjected = 200;
const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-";

ArmSpec Spec(const std::string& backend, const std::vector<std::string>& more = {}) {
  std::vector<config::Override> overrides = {
      {"backend", backend},
      {"plugins.dir", MS_PLUGIN_DIR},
      {"plugins.list", "[\"reference\", \"" MS_FAULTY_PLUGIN "\"]"},
      {"plugins.probe", "off"},
      {"placement.fallback", "allow"}};
  for (const std::string& text : more) overrides.push_back(*config::ParseOverride(text));
  const auto config = config::LoadConfig("", overrides);
  EXPECT_TRUE(config.ok()) << config.status().message();
  return {backend, backend, *config};
}

std::unique_ptr<Arm> Open(const ArmSpec& spec, const ModelSpec& model) {
  auto arm = std::make_unique<Arm>();
  const Status opened = OpenArm(spec, arm.get());
  EXPECT_TRUE(opened.ok()) << opened.message();
  const Status loaded = LoadArm(model, arm.get());
  EXPECT_TRUE(loaded.ok()) << loaded.message();
  return arm;
}

// One model, with what the faults of its nodes are held against.
struct Model {
  ModelSpec spec;
  std::vector<NamedTensor> inputs;
  std::unique_ptr<Arm> baseline;
  std::unique_ptr<Arm> arm;  // without a fault
  RunResult expected;
};

std::vector<Model> Models() {
  std::vector<Model> models;
  for (const Fixture& fixture : fixtures::FindFixtures()) {
    Model& model = models.emplace_back();
    model.spec = {fixture.model, "", fixture.inputs, {}};
    for (const auto& [name, tolerance] : fixture.outputs) model.spec.outputs.push_back(name);
    model.inputs = *fixtures::ReadInputs(fixture);
    model.baseline = Open(Spec("reference"), model.spec);
    model.arm = Open(Spec("faulty"), model.spec);
    model.expected = *model.baseline->session.Run(model.inputs);
  }
  return models;
}

bool Agree(const RunResult& result, const RunResult& expected) {
  for (size_t i = 0; i < expected.outputs.size(); ++i) {
    const auto difference = Compare(result.outputs[i].value, expected.outputs[i].value, {});
    if (!difference.ok() || !difference->within()) return false;
  }
  return true;
}

// Counts how often the fault strikes.
class Strikes {
 public:
  Strikes() {
    SetLogSink([this](LogLevel, std::string_view text) { count_ += text == "fault injected"; },
               LogLevel::kInfo);
  }
  ~Strikes() { SetLogSink({}); }
  int count() const { return count_; }

 private:
  int count_ = 0;
};

TEST(Layers, EveryInjectedFaultIsFoundByName) {
  std::mt19937 random(20260);
  const std::vector<Model> models = Models();
  ASSERT_GT(models.size(), 10u);
  std::set<std::string> operators;
  int masked = 0, parts = 0, most_parts = 0;
  const char* const kFaults[] = {"element", "shift", "nan", "element", "fail"};
  for (int i = 0; i < kFaultsInjected;) {
    const Model& model = models[random() % models.size()];
    const CompiledGraph graph = model.arm->session.compiled_graph();
    if (graph.nodes.empty()) continue;
    const CompiledNode* node = &graph.nodes[random() % graph.nodes.size()];
    if (node->backend != "faulty") continue;
    const std::string fault = kFaults[i % std::size(kFaults)];
    SCOPED_TRACE(model.spec.path + ": " + fault + " in " + node->op + " '" + node->name + "'");
    const auto arm = Open(Spec("faulty", {"backends.faulty.node=\"" + node->name + "\"",
                                          "backends.faulty.fault=" + fault}),
                          model.spec);
    const Strikes strikes;
    const auto result = arm->session.Run(model.inputs);
    // Some nodes never run: shapes determine their results, or these have no elements.
    if (strikes.count() == 0) continue;
    const bool agree = result.ok() && Agree(*result, model.expected);
    const auto found =
        FindLayer({arm.get(), model.baseline.get(), model.spec, "", model.inputs, agree});
    ASSERT_TRUE(found.ok()) << found.status().message();
    ASSERT_EQ(found->finding, Finding::kNode);
    ASSERT_EQ(found->node, node->name);
    ASSERT_EQ(found->op, node->op);
    ASSERT_EQ(found->backend, "faulty");
    ASSERT_EQ(found->failure.empty(), fault != "fail");
    ASSERT_EQ(found->masked, agree);
    operators.insert(node->op);
    masked += agree ? 1 : 0;
    parts += static_cast<int>(found->parts);
    most_parts = std::max(most_parts, static_cast<int>(found->parts));
    ++i;
  }
  EXPECT_GT(operators.size(), 20u);
  EXPECT_GT(masked, 0);
  EXPECT_LT(masked, kFaultsInjected);
  EXPECT_LE(most_parts, 14);
  RecordProperty("operators", static_cast<int>(operators.size()));
  RecordProperty("masked", masked);
  RecordProperty("parts", parts);
}

class OnDigits : public ::testing::Test {
 protected:
  OnDigits() : model_{kDigits + "4000", "", {"Placeholder"}, {"fc2/add"}} {
    Tensor images = *Tensor::Allocate(DType::kF32, Shape{2, 784});
    for (size_t i = 0; i < 2 * 784; ++i) images.mutable_as<float>()[i] = static_cast<float>(i % 7);
    inputs_.push_back({"Placeholder", images});
  }
  LayerReport Find(const std::vector<std::string>& options, bool agree = false) {
    const auto baseline = Open(Spec("reference"), model_);
    const auto arm = Open(Spec("faulty", options), model_);
    auto found = FindLayer({arm.get(), baseline.get(), model_, "", inputs_, agree});
    EXPECT_TRUE(found.ok()) << found.status().message();
    return *found;
  }
  ModelSpec model_;
  std::vector<NamedTensor> inputs_;
};

TEST_F(OnDigits, NothingIsFoundWhereNothingIsWrong) {
  const LayerReport found = Find({}, true);
  EXPECT_EQ(found.finding, Finding::kNothing);
  EXPECT_EQ(found.values.size(), found.nodes);
}

TEST_F(OnDigits, AFaultOfTheFusedOperatorAloneIsSaidToBeThat) {
  const LayerReport found = Find({"backends.faulty.op=midstream.Conv"});
  ASSERT_EQ(found.finding, Finding::kNode);
  EXPECT_EQ(found.op, "midstream.Conv");
  const std::vector<std::string> sources = {"conv1/Conv2D/window (Conv)", "conv1/add (Add)",
                                            "conv1/Relu (Relu)"};
  EXPECT_EQ(found.sources, sources);
  EXPECT_FALSE(found.difference.within());
  EXPECT_LT(found.inputs_scaled, 1e-6);
}

TEST_F(OnDigits, AFaultThatIsThereWithoutFusionTooNamesTheNode) {
  const LayerReport found = Find({"backends.faulty.node=conv2/Conv2D/window"});
  ASSERT_EQ(found.node, "conv2/Conv2D/window");
  EXPECT_TRUE(found.checked_unfused);
  EXPECT_NE(found.unfused.find("conv2/Conv2D/window"), std::string::npos) << found.unfused;
}

TEST_F(OnDigits, PrecisionIsNotTheFaultOfANode) {
  const LayerReport found = Find({"precision.mode=mixed_bfloat16"});
  EXPECT_EQ(found.finding, Finding::kGraph);
}

TEST_F(OnDigits, AFaultThatAnUpdateBringsIsFoundAtThatVersion) {
  Request request;
  request.arms = {Spec("reference"), Spec("faulty", {"backends.faulty.node=fc1/MatMul"})};
  request.model = model_;
  request.make_inputs = [&](const std::vector<TensorSpec>&) { return inputs_; };
  request.weights = {kDigits + "0", kDigits + "100"};
  request.layers = true;
  request.time = false;
  const auto report = RunComparison(request);
  ASSERT_TRUE(report.ok()) << report.status().message();
  const ArmReport& arm = report->arms[1];
  ASSERT_EQ(arm.versions.size(), 3u);
  for (const VersionReport& version : arm.versions) {
    EXPECT_EQ(version.compiles, 0u);
    ASSERT_EQ(version.outputs.size(), 1u);
    EXPECT_FALSE(version.outputs[0].difference.within());
  }
  ASSERT_TRUE(arm.layers.has_value());
  EXPECT_EQ(arm.layers->node, "fc1/MatMul");
}

}  // namespace
}  // namespace midstream::compare
