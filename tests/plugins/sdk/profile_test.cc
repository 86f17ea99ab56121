// The profile extension as HostBackend offers it: one event a node, in order, in host time, and
// none when nobody asked.
#include <gtest/gtest.h>

#include "midstream/detail/plan.hpp"
#include "tests/plugins/plugin_runner.h"

namespace midstream::plugin_testing {
namespace {

// y = Relu(MatMul(x, x)), on a queue of its own.
class ProfileTest : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr int64_t kSize = 64;

  void SetUp() override {
    auto device = OpenPlugin(GetParam());
    ASSERT_TRUE(device.ok()) << device.status().ToString();
    device_ = *device;
    Graph graph;
    ValueId x = graph.AddInput("x", DType::kF32, {kSize, kSize});
    graph.AddOutput(graph.Add("Relu", "relu", {graph.Add("MatMul", "product", {x, x})}), "y");
    ASSERT_TRUE(graph.Compact().ok());
    ASSERT_TRUE(InferShapes(graph, nullptr).ok());
    auto module = backend::Module::Create(device_, graph, false);
    ASSERT_TRUE(module.ok()) << module.status().ToString();
    plan_ = *backend::Plan::Create(*module, graph);
    queue_ = *backend::Queue::Open(device_, false);
    input_ = *Tensor::Allocate(DType::kF32, {kSize, kSize});
    for (float& value : input_.mutable_as<float>()) value = 1;
    output_ = *Tensor::Allocate(DType::kF32, {kSize, kSize});
    scratch_ = *Tensor::Allocate(DType::kU8, {static_cast<int64_t>(plan_->scratch_bytes())});
  }

  void Execute() {
    const ms_tensor in = backend::HostTensor(input_), out = backend::HostTensor(output_);
    const ms_tensor scratch = backend::HostTensor(scratch_);
    ms_exec exec{};
    exec.struct_size = sizeof exec;
    exec.inputs = &in;
    exec.n_inputs = 1;
    exec.outputs = &out;
    exec.n_outputs = 1;
    exec.scratch = &scratch;
    exec.signal = queue_->NextSignal();
    ms_error error{};
    error.struct_size = sizeof error;
    ASSERT_EQ(device_->table().execute(plan_->handle(), queue_->handle(), &exec, &error), MS_OK)
        << error.message;
    ASSERT_TRUE(queue_->Wait(UINT64_MAX).ok());
    EXPECT_EQ(output_.as<float>()[0], kSize);
  }

  std::vector<ms_profile_event> Read() {
    std::vector<ms_profile_event> events;
    Status status =
        queue_->ReadProfile([&](const ms_profile_event& event) { events.push_back(event); });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return events;
  }

  std::shared_ptr<backend::Device> device_;
  std::shared_ptr<backend::Plan> plan_;
  std::unique_ptr<backend::Queue> queue_;
  Tensor input_, output_, scratch_;
};

TEST_P(ProfileTest, GivesOneEventANodeInOrder) {
  const uint64_t before = sdk::detail::Timeline::Now();
  ASSERT_TRUE(queue_->EnableProfile(true).ok());
  Execute();
  const uint64_t after = sdk::detail::Timeline::Now();
  const auto events = Read();
  ASSERT_EQ(events.size(), 2u);
  uint64_t last = before;
  for (uint32_t node = 0; node < 2; ++node) {
    EXPECT_EQ(events[node].node, node);
    EXPECT_EQ(events[node].plan, plan_->handle());
    EXPECT_LE(last, events[node].begin_ns);
    EXPECT_LE(events[node].begin_ns, events[node].end_ns);
    last = events[node].end_ns;
  }
  EXPECT_LE(last, after);
  EXPECT_GT(events[0].end_ns, events[0].begin_ns);  // 2 x 64^3 operations take a while
  EXPECT_TRUE(Read().empty());
}

TEST_P(ProfileTest, TimesFromEnableToDisable) {
  Execute();
  EXPECT_TRUE(Read().empty());
  ASSERT_TRUE(queue_->EnableProfile(true).ok());
  Execute();
  Execute();
  EXPECT_EQ(Read().size(), 4u);
  Execute();
  ASSERT_TRUE(queue_->EnableProfile(false).ok());
  EXPECT_TRUE(Read().empty());
  Execute();
  ASSERT_TRUE(queue_->EnableProfile(true).ok());
  EXPECT_TRUE(Read().empty());
}

INSTANTIATE_TEST_SUITE_P(Plugins, ProfileTest, ::testing::Values("reference", "cpu_blas"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace midstream::plugin_testing
