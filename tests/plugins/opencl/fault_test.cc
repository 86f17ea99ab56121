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

}  // namespace
}  // namespace midstream::plugin_testing
