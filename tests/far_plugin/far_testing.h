// A test with the devices of the plugin "far" (far.h) and the reference backend.
#ifndef MIDSTREAM_TESTS_FAR_PLUGIN_FAR_TESTING_H_
#define MIDSTREAM_TESTS_FAR_PLUGIN_FAR_TESTING_H_

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "core/backend/host.h"
#include "core/backend/registry.h"
#include "core/config/config.h"
#include "core/plan/evaluator.h"
#include "tests/far_plugin/far.h"

namespace midstream::far {

class FarTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Config config = config::DefaultConfig();
    config.plugins.dir = MS_PLUGIN_DIR;
    config.plugins.list = {"reference", MS_FAR_PLUGIN};
    config.plugins.probe = config::ProbeMode::kOff;
    config.backend = "reference";
    registry_ = backend::LoadPlugins(config, backend::ProcessHost());
    ASSERT_EQ(registry_.plugins().size(), 2u) << registry_.failures()[0].status.ToString();
    const ms_plugin* far = registry_.plugins()[1].plugin;
    control_ =
        const_cast<FarControl*>(static_cast<const FarControl*>(far->get_extension(kFarControl)));
    control_->reset();
    reference_ = *backend::Device::Open(registry_.plugins()[0].plugin, {});
    far_ = OpenFar(0, backend::kDeviceTimeoutNs);
    evaluator_ = std::make_unique<plan::BackendEvaluator>(std::vector{reference_});
  }
  void TearDown() override {
    if (control_ != nullptr) control_->reset();
  }

  std::shared_ptr<backend::Device> OpenFar(uint32_t index, uint64_t timeout_ns) {
    backend::DeviceOptions options;
    options.index = index;
    options.timeout_ns = timeout_ns;
    auto device = backend::Device::Open(registry_.plugins()[1].plugin, options);
    EXPECT_TRUE(device.ok()) << device.status().ToString();
    return *device;
  }
  // Until the queues have nothing to do.
  void WaitUntilDone() {
    while (control_->done != control_->submitted) std::this_thread::yield();
  }

  backend::Registry registry_;
  FarControl* control_ = nullptr;
  std::shared_ptr<backend::Device> reference_, far_;
  std::unique_ptr<plan::BackendEvaluator> evaluator_;
};

}  // namespace midstream::far

#endif  // MIDSTREAM_TESTS_FAR_PLUGIN_FAR_TESTING_H_
