#include "gate_testing.h"

#include <algorithm>

#include "core/backend/host.h"
#include "core/config/config.h"
#include "midstream/backend.hpp"

namespace midstream::session {
namespace {

class GateRelu : public sdk::Kernel {
 public:
  void Run(const sdk::KernelArgs& args) const override {
    const auto* in = static_cast<const float*>(args.inputs[0].data);
    auto* out = static_cast<float*>(args.outputs[0].data);
    const uint64_t count = args.inputs[0].bytes() / sizeof(float);
    Gate::Instance().Pass(count == 0 ? 0 : in[0], args.inputs[0].dims[0]);
    for (uint64_t i = 0; i < count; ++i) {
      if (in[i] < kBad / 2) throw sdk::Error(MS_OUT_OF_RANGE, "a bad element");
      out[i] = std::max(in[i], 0.0F);
    }
  }
};

constexpr sdk::KernelEntry kTable[] = {{"", "Relu",
                                        [](const sdk::NodeView& node) {
                                          return sdk::Same(node.input(0).dtype(), sdk::kF32)
                                                     ? sdk::Claim::Yes(sdk::kF32, sdk::kF32)
                                                     : sdk::Claim::No(MS_REASON_DTYPE);
                                        },
                                        [](const sdk::NodeView&) -> std::unique_ptr<sdk::Kernel> {
                                          return std::make_unique<GateRelu>();
                                        }}};

struct GateBackend {
  static constexpr const char* kName = "gate";
  static constexpr const char* kVersion = "1";
  static constexpr uint32_t kLayout = MS_LAYOUT_NCHW;
  GateBackend(const sdk::Host&, std::span<const ms_kv>) {}
  std::string device_name() const { return "gate"; }
  std::string isa() const { return "generic"; }
  sdk::Claim ClaimNode(const sdk::NodeView& node) const {
    return sdk::ClaimFromTable(kTable, node);
  }
  std::vector<sdk::KernelUse> Kernels(const sdk::GraphView& graph,
                                      const sdk::ModuleOptions&) const {
    return sdk::UsesFromTable(kTable, graph);
  }
};

}  // namespace

Gate& Gate::Instance() {
  static Gate gate;
  return gate;
}

void Gate::Reset() {
  std::lock_guard lock(mutex_);
  open_ = true;
  most_inside_ = 0;
  firsts_.clear();
  rows_.clear();
}

void Gate::Close() {
  std::lock_guard lock(mutex_);
  open_ = false;
}

void Gate::Open() {
  std::lock_guard lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

void Gate::WaitUntilInside(int count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return inside_ >= count; });
}

int Gate::most_inside() {
  std::lock_guard lock(mutex_);
  return most_inside_;
}

std::vector<float> Gate::firsts() {
  std::lock_guard lock(mutex_);
  return firsts_;
}

std::vector<int64_t> Gate::rows() {
  std::lock_guard lock(mutex_);
  return rows_;
}

void Gate::Pass(float first, int64_t rows) {
  std::unique_lock lock(mutex_);
  firsts_.push_back(first);
  rows_.push_back(rows);
  most_inside_ = std::max(most_inside_, ++inside_);
  changed_.notify_all();
  changed_.wait(lock, [&] { return open_; });
  --inside_;
}

void GateTest::SetUp() {
  gate_.Reset();
  Config config = config::DefaultConfig();
  config.plugins.dir = MS_PLUGIN_DIR;
  config.plugins.list = {"reference"};
  config.backend = "reference";
  registry_ = backend::LoadPlugins(config, backend::ProcessHost());
  ASSERT_EQ(registry_.plugins().size(), 1u) << registry_.failures()[0].status.ToString();
  reference_ = *backend::Device::Open(registry_.plugins()[0].plugin, {});
  const ms_plugin* plugin = sdk::HostBackend<GateBackend>::Query(MS_ABI_MAJOR, 0);
  ms_error error{};
  ASSERT_EQ(plugin->startup(backend::ProcessHost(), &error), MS_OK);
  device_ = *backend::Device::Open(plugin, {});
  evaluator_ = std::make_unique<plan::BackendEvaluator>(std::vector{reference_});
  auto initial = [](const std::string&) -> Result<Tensor> {
    return Tensor::Scalar(DType::kF32, 1.0F);
  };
  store_ = std::make_shared<weights::Store>(
      std::map<std::string, weights::WeightDecl>{{"w", {DType::kF32, {}}}}, initial, *evaluator_,
      reaper_);
}

std::shared_ptr<Session> GateTest::MakeSession(Options options) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {-1, 2});
  ValueId w = graph.AddWeight("w", DType::kF32, {});
  graph.AddOutput(graph.Add("Relu", "y", {graph.Add("Add", "sum", {x, w})}), "y");
  return MakeSession(std::move(graph), std::move(options));
}

std::shared_ptr<Session> GateTest::MakeSession(Graph graph, Options options) {
  EXPECT_TRUE(graph.Compact().ok());
  plan::ProgramOptions program_options;
  program_options.placement.fallback = plan::Fallback::kAllow;
  auto program =
      plan::Program::Compile(std::move(graph), program_options, {device_, reference_}, *evaluator_);
  EXPECT_TRUE(program.ok()) << program.status().ToString();
  auto session = Session::Create(*program, store_, std::move(options));
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  return *session;
}

void GateTest::Commit() {
  auto update = store_->Begin();
  update.Put("w", Tensor::Scalar(DType::kF32, static_cast<float>(store_->Pin()->id + 1)));
  auto version = update.Commit();
  ASSERT_TRUE(version.ok()) << version.status().ToString();
}

Tensor GateTest::Rows(int64_t rows, float value) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, {rows, 2});
  for (float& element : tensor.mutable_as<float>()) element = value;
  return tensor;
}

Response GateTest::Submit(Session& session, float value, const RequestOptions& options,
                          int64_t rows) {
  auto response = session.Submit(Input(value, rows), options);
  EXPECT_TRUE(response.ok()) << response.status().ToString();
  return *response;
}

Response GateTest::Occupy(Session& session) {
  gate_.Close();
  Response response = Submit(session, 0);
  gate_.WaitUntilInside(1);
  return response;
}

float GateTest::ValueOf(const Response& response) {
  auto result = response.Get();
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) return -1;
  const auto values = result->outputs.at(0).value.as<float>();
  for (float value : values) EXPECT_EQ(value, values[0]);
  return values.empty() ? 0 : values[0];
}

}  // namespace midstream::session
