// The OpenCL plugin for tests: the one of the build, and one whose OpenCL calls fail on demand.
//
// opencl_faulty.so is the same plugin with some functions of OpenCL replaced by those of
// faulty_cl.cc, which fail as the environment variable MS_TEST_CL_FAULT says: "clCreateBuffer:-4:2"
// makes the second call from then on fail with -4, and all after it until the variable goes. And:
//   "kernel:-5:2"  the second kernel is enqueued, and its event alone tells that it failed with -5;
//                  "write" for copies to the device
//   "hang:1:2"     the second kernel does not begin before the variable goes
//   "grid:-54:1"   launches of more work-groups along y or z than many devices take are refused
#ifndef MIDSTREAM_TESTS_PLUGINS_OPENCL_OPENCL_TESTING_H_
#define MIDSTREAM_TESTS_PLUGINS_OPENCL_OPENCL_TESTING_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/plugins/plugin_runner.h"

namespace midstream::plugin_testing {

// Null with a failed test where it cannot be loaded. file: without folder and .so.
inline const ms_plugin* LoadOpenCl(const std::string& folder = MS_PLUGIN_DIR,
                                   const std::string& file = "opencl") {
  const auto plugin = LoadPlugin(folder + "/" + file + ".so");
  EXPECT_TRUE(plugin.ok()) << plugin.status().ToString();
  return plugin.ok() ? *plugin : nullptr;
}
inline const ms_plugin* LoadFaulty() { return LoadOpenCl(MS_TEST_PLUGIN_DIR, "opencl_faulty"); }

class OpenCl : public testing::Test {
 protected:
  void SetUp() override {
    plugin_ = LoadOpenCl();
    ASSERT_NE(plugin_, nullptr);
    auto count = backend::Device::Count(plugin_);
    ASSERT_TRUE(count.ok()) << count.status().ToString();
    if (*count == 0) GTEST_SKIP() << "there is no OpenCL platform on this machine";
  }
  static Result<std::shared_ptr<backend::Device>> Open(
      const ms_plugin* plugin, std::vector<std::pair<std::string, std::string>> values = {},
      uint32_t index = 0) {
    backend::DeviceOptions options;
    options.index = index;
    options.values = std::move(values);
    return backend::Device::Open(plugin, options);
  }

  const ms_plugin* plugin_ = nullptr;
};

// Fails calls while it lives.
class Fault {
 public:
  explicit Fault(const std::string& text) { setenv("MS_TEST_CL_FAULT", text.c_str(), 1); }
  ~Fault() { unsetenv("MS_TEST_CL_FAULT"); }
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
};

inline Tensor Floats(const Shape& shape, float first) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  for (float& value : tensor.mutable_as<float>()) value = first, first += 0.25f;
  return tensor;
}

// x [4, 8] times a weight [8, 16].
inline NodeCase Product(Via weight = Via::kWeight) {
  return {"MatMul", "", {}, {{Floats({4, 8}, -2), Via::kInput}, {Floats({8, 16}, 1), weight}}};
}

}  // namespace midstream::plugin_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_OPENCL_OPENCL_TESTING_H_
