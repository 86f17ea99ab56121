// What fails inside OpenCL becomes a code and a sentence, and leaves the rest as it was.
#include "tests/plugins/opencl/opencl_testing.h"

namespace midstream::plugin_testing {
namespace {

class OpenClFaults : public OpenCl {
 protected:
  void SetUp() override {
    OpenCl::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    faulty_ = LoadFaulty();
    auto device = Open(faulty_);
    ASSERT_TRUE(device.ok()) << device.status().ToString();
    device_ = *device;
  }

  const ms_plugin* faulty_ = nullptr;
  std::shared_ptr<backend::Device> device_;
};

struct Staged {
  NodeRunner runner;
  std::shared_ptr<backend::WeightSet> weights;
};

Result<Staged> Stage(const std::shared_ptr<backend::Device>& device) {
  MS_ASSIGN_OR_RETURN(BuiltNode node, BuiltNode::Build(Product()));
  MS_ASSIGN_OR_RETURN(NodeRunner runner, NodeRunner::Create(device, node, false));
  MS_ASSIGN_OR_RETURN(auto weights, runner.Stage(node.weights, nullptr));
  return Staged{std::move(runner), std::move(weights)};
}

TEST_F(OpenClFaults, OutOfMemoryInStagingLeavesTheBase) {
  for (const char* fault : {"clCreateBuffer:-4:1", "clCreateBuffer:-61:2",
                            "clEnqueueWriteBuffer:-4:1", "clEnqueueNDRangeKernel:-5:1"}) {
    SCOPED_TRACE(fault);
    auto staged = Stage(device_);
    ASSERT_TRUE(staged.ok()) << staged.status().ToString();
    auto before = staged->runner.Run(staged->weights.get());
    ASSERT_TRUE(before.ok()) << before.status().ToString();
    {
      Fault failing(fault);
      auto failed = staged->runner.Stage({Floats({8, 16}, 50)}, staged->weights.get());
      EXPECT_EQ(failed.status().code(), Code::kResourceExhausted) << failed.status().ToString();
    }
    auto after = staged->runner.Run(staged->weights.get());
    ASSERT_TRUE(after.ok()) << after.status().ToString();
    EXPECT_TRUE(BitEqual((*before)[0], (*after)[0]));
    auto next = staged->runner.Stage({Floats({8, 16}, 50)}, staged->weights.get());
    ASSERT_TRUE(next.ok()) << next.status().ToString();
    auto changed = staged->runner.Run(next->get());
    ASSERT_TRUE(changed.ok()) << changed.status().ToString();
    EXPECT_FALSE(BitEqual((*before)[0], (*changed)[0]));
  }
}

TEST_F(OpenClFaults, AKernelThatDoesNotBuildShowsTheLog) {
  {
    Fault failing("clBuildProgram:-11:1");
    auto staged = Stage(device_);
    EXPECT_EQ(staged.status().code(), Code::kUnimplemented) << staged.status().ToString();
    const std::string text = staged.status().ToString();
    EXPECT_NE(text.find(".cl does not build (CL_BUILD_PROGRAM_FAILURE"), std::string::npos) << text;
    EXPECT_NE(text.find("not_a_word"), std::string::npos) << text;  // from the driver's log
  }
  auto again = Stage(device_);
  EXPECT_TRUE(again.ok()) << again.status().ToString();
}

TEST_F(OpenClFaults, ALostDeviceIsUnavailable) {
  auto staged = Stage(device_);
  ASSERT_TRUE(staged.ok()) << staged.status().ToString();
  Fault failing("clEnqueueNDRangeKernel:-2:1");
  auto run = staged->runner.Run(staged->weights.get());
  EXPECT_EQ(run.status().code(), Code::kUnavailable);
  const std::string text = run.status().ToString();
  EXPECT_NE(text.find("launch of kernel product_"), std::string::npos) << text;
  EXPECT_NE(text.find("CL_DEVICE_NOT_AVAILABLE"), std::string::npos) << text;
}

TEST_F(OpenClFaults, ALateErrorStaysOnTheQueue) {
  auto staged = Stage(device_);
  ASSERT_TRUE(staged.ok()) << staged.status().ToString();
  {
    Fault failing("clGetEventInfo:-2:1");
    auto run = staged->runner.Run(staged->weights.get());
    EXPECT_EQ(run.status().code(), Code::kUnavailable) << run.status().ToString();
  }
  auto later = staged->runner.Run(staged->weights.get());
  EXPECT_EQ(later.status().code(), Code::kUnavailable) << later.status().ToString();
  auto elsewhere = Stage(device_);  // a queue of its own
  ASSERT_TRUE(elsewhere.ok()) << elsewhere.status().ToString();
  EXPECT_TRUE(elsewhere->runner.Run(elsewhere->weights.get()).ok());
}

TEST_F(OpenClFaults, AnErrorInsideAPlanReachesItsFence) {
  auto runner = NodeRunner::Create(device_, *BuiltNode::Build(Product(Via::kInput)), false);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();
  for (const char* fault : {"kernel:-5:1", "kernel:-5:2"}) {  // the packing, and the product
    SCOPED_TRACE(fault);
    Fault failing(fault);
    auto run = runner->Run(nullptr);
    EXPECT_EQ(run.status().code(), Code::kResourceExhausted) << run.status().ToString();
    runner = NodeRunner::Create(device_, *BuiltNode::Build(Product(Via::kInput)), false);
  }
}

TEST_F(OpenClFaults, AnErrorInStagingReachesTheSeal) {
  for (const char* fault : {"kernel:-5:1", "write:-5:1"}) {
    SCOPED_TRACE(fault);
    auto staged = Stage(device_);
    ASSERT_TRUE(staged.ok()) << staged.status().ToString();
    Fault failing(fault);
    auto failed = staged->runner.Stage({Floats({8, 16}, 50)}, staged->weights.get());
    EXPECT_EQ(failed.status().code(), Code::kResourceExhausted) << failed.status().ToString();
  }
}

// One that ended before anybody looked is not buried by later work that went well.
TEST_F(OpenClFaults, AnErrorOfEarlierWorkReachesWhoWaitsForLaterWork) {
  const ms_backend& table = device_->table();
  ms_error error = {sizeof error, 0, {}};
  ms_queue* queue = nullptr;
  ms_buffer* buffer = nullptr;
  const Tensor from = Floats({1 << 20}, 3);
  Tensor to = Floats({1 << 20}, 0);
  ASSERT_EQ(table.queue_open(device_->handle(), 0, &queue, &error), MS_OK);
  ASSERT_EQ(table.buffer_alloc(device_->handle(), from.byte_size(), &buffer, &error), MS_OK);
  const ms_tensor source = backend::HostTensor(from), target = backend::HostTensor(to);
  ms_tensor inside = source;
  inside.buffer = buffer;
  inside.data = nullptr;
  {
    Fault failing("write:-5:1");
    ASSERT_EQ(table.queue_copy(queue, &source, &inside, 1, &error), MS_OK);
    ASSERT_EQ(table.queue_copy(queue, &inside, &target, 2, &error), MS_OK);
    const ms_fence end{queue, 2};
    EXPECT_EQ(table.fence_wait(&end, 10'000'000'000, &error), MS_RESOURCE_EXHAUSTED);
  }
  table.queue_close(queue);
  table.buffer_release(buffer);
}

TEST_F(OpenClFaults, ALaunchOfManyGroupsAlongOneAxisIsSplit) {
  const auto ints = [](const Shape& shape) {
    Tensor tensor = *Tensor::Allocate(DType::kI32, shape);
    int32_t next = 0;
    for (int32_t& value : tensor.mutable_as<int32_t>()) value = next++ % 1000 - 500;
    return tensor;
  };
  const NodeCase rows = {
      "MatMul", "", {}, {{ints({70000, 1}), Via::kInput}, {ints({1, 3}), Via::kInput}}};
  const NodeCase matrices = {
      "MatMul", "", {}, {{ints({70000, 1, 2}), Via::kInput}, {ints({70000, 2, 1}), Via::kInput}}};
  for (const NodeCase& node : {rows, matrices}) {
    auto expected = RunNode(*Open(plugin_), node);
    ASSERT_TRUE(expected.ok()) << expected.status().ToString();
    Fault failing("grid:-54:1");
    auto split = RunNode(device_, node);
    ASSERT_TRUE(split.ok()) << split.status().ToString();
    EXPECT_TRUE(BitEqual((*expected)[0], (*split)[0]));
  }
}

TEST_F(OpenClFaults, ALaunchThatTheDeviceRefusesIsARefusal) {
  for (const char* code : {"-54", "-55", "-63"}) {
    SCOPED_TRACE(code);
    auto device = Open(faulty_);  // where nothing was launched yet
    ASSERT_TRUE(device.ok()) << device.status().ToString();
    Fault failing(std::string("clEnqueueNDRangeKernel:") + code + ":1");
    EXPECT_EQ(Stage(*device).status().code(), Code::kUnimplemented);
  }
}

TEST_F(OpenClFaults, AKernelThatHangsWhilePlanningIsGivenUp) {
  auto device = Open(faulty_, {{"timeout_ms", "100"}});
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  {
    Fault failing("hang:1:1");
    auto staged = Stage(*device);
    EXPECT_EQ(staged.status().code(), Code::kDeadlineExceeded) << staged.status().ToString();
    const std::string text = staged.status().ToString();
    EXPECT_NE(text.find("did not answer for 0.1 s"), std::string::npos) << text;
  }
  auto again = Stage(*device);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_TRUE(again->runner.Run(again->weights.get()).ok());
}

TEST_F(OpenClFaults, AQueueWhoseWorkHangsIsGivenUpWhenItCloses) {
  auto device = Open(faulty_, {{"timeout_ms", "100"}});
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  const BuiltNode node = *BuiltNode::Build(Product());
  auto module = backend::Module::Create(*device, node.graph, false);
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  auto weights = backend::WeightSet::Begin(*module, nullptr);
  ASSERT_TRUE(weights.ok()) << weights.status().ToString();
  auto queue = backend::Queue::Open(*device, false);
  ASSERT_TRUE(queue.ok()) << queue.status().ToString();
  Fault failing("hang:1:1");
  ASSERT_TRUE((*weights)->Put(**queue, 0, node.weights[0]).ok());  // its packing hangs
  weights->reset();
  queue->reset();
}

TEST_F(OpenClFaults, WhatFailedIsNotInTheProfile) {
  const auto* profile = static_cast<const ms_profile_api*>(faulty_->get_extension(MS_EXT_PROFILE));
  const ms_backend& table = device_->table();
  ms_error error = {sizeof error, 0, {}};
  ms_queue* queue = nullptr;
  ms_buffer* buffer = nullptr;
  const Tensor from = Floats({1000}, 3);
  ASSERT_EQ(table.queue_open(device_->handle(), 0, &queue, &error), MS_OK);
  ASSERT_EQ(table.buffer_alloc(device_->handle(), from.byte_size(), &buffer, &error), MS_OK);
  ASSERT_EQ(profile->enable(queue, 1, &error), MS_OK) << error.message;
  const ms_tensor source = backend::HostTensor(from);
  ms_tensor inside = source;
  inside.buffer = buffer;
  inside.data = nullptr;
  {
    Fault failing("write:-5:1");
    ASSERT_EQ(table.queue_copy(queue, &source, &inside, 1, &error), MS_OK);
    ASSERT_EQ(table.queue_copy(queue, &source, &inside, 2, &error), MS_OK);
    const ms_fence end{queue, 2};
    EXPECT_EQ(table.fence_wait(&end, 10'000'000'000, &error), MS_RESOURCE_EXHAUSTED);
  }
  const auto count = [](void* user, const ms_profile_event*) { ++*static_cast<int*>(user); };
  int events = 0;
  EXPECT_EQ(profile->read(queue, count, &events, &error), MS_OK) << error.message;
  EXPECT_EQ(events, 1);
  table.queue_close(queue);
  table.buffer_release(buffer);
}

}  // namespace
}  // namespace midstream::plugin_testing
