// Which device is opened, and what is said when there is none.
#include "tests/plugins/opencl/opencl_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::Test;

TEST_F(OpenCl, SaysWhatItIs) {
  auto device = Open(plugin_);
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  const ms_device_info& info = (*device)->info();
  EXPECT_EQ(info.flags & MS_DEVICE_HOST_MEMORY, 0u);
  EXPECT_NE(info.capabilities & MS_CAP_WEIGHTS_VERSIONED, 0u);
  EXPECT_GT(info.name.size, 0u);
  EXPECT_GT(info.memory_bytes, 0u);
}

TEST_F(OpenCl, RefusesAnIndexThatDoesNotExist) {
  auto device = Open(plugin_, {}, 1000);
  EXPECT_EQ(device.status().code(), Code::kOutOfRange);
  const std::string text = device.status().ToString();
  EXPECT_NE(text.find("there is no OpenCL device 1000; there are 0: "), std::string::npos) << text;
}

TEST_F(OpenCl, ChoosesByPartOfTheName) {
  auto first = Open(plugin_);
  ASSERT_TRUE(first.ok());
  const std::string name((*first)->info().name.data, (*first)->info().name.size);
  auto same = Open(plugin_, {{"device", name.substr(1)}});
  ASSERT_TRUE(same.ok()) << same.status().ToString();
  auto none = Open(plugin_, {{"device", "no such machine"}});
  EXPECT_EQ(none.status().code(), Code::kOutOfRange);
  const std::string text = none.status().ToString();
  EXPECT_NE(text.find("device 0 that matches 'no such machine'"), std::string::npos) << text;
}

TEST_F(OpenCl, RefusesOptionsItDoesNotKnow) {
  const std::string key = Open(plugin_, {{"isa", "avx2"}}).status().ToString();
  EXPECT_NE(key.find("opencl has no option 'isa'; it knows device, "), std::string::npos) << key;
  const std::string value = Open(plugin_, {{"kernels", "fast"}}).status().ToString();
  EXPECT_NE(value.find("option kernels of opencl is 'fast'; expected auto, tiles or groups"),
            std::string::npos)
      << value;
}

TEST_F(OpenCl, RefusesABufferLargerThanTheDevice) {
  auto device = Open(plugin_);
  ASSERT_TRUE(device.ok());
  ms_buffer* buffer = nullptr;
  ms_error error{};
  error.struct_size = sizeof error;
  EXPECT_EQ(
      (*device)->table().buffer_alloc((*device)->handle(), uint64_t{1} << 60, &buffer, &error),
      MS_RESOURCE_EXHAUSTED);
  EXPECT_EQ(buffer, nullptr);
}

// In a process of its own: the loader looks for platforms once.
TEST(OpenClDeathTest, SaysThatThereIsNoPlatform) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* vendors = getenv("OCL_ICD_VENDORS");
  const std::string before = vendors != nullptr ? vendors : "";
  setenv("OCL_ICD_VENDORS", "/nonexistent", 1);
  EXPECT_EXIT(
      {
        const ms_plugin* plugin = LoadOpenCl();
        auto count = backend::Device::Count(plugin);
        auto device = backend::Device::Open(plugin, {});
        std::fprintf(stderr, "%u devices, %s", count.ok() ? *count : 99,
                     device.status().ToString().c_str());
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "0 devices, UNAVAILABLE.*there is no OpenCL device: no platform");
  if (before.empty()) {
    unsetenv("OCL_ICD_VENDORS");
  } else {
    setenv("OCL_ICD_VENDORS", before.c_str(), 1);
  }
}

}  // namespace
}  // namespace midstream::plugin_testing
