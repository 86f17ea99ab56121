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
  EXPECT_EQ(none.status().code(), Code::kUnavailable);  // on this machine
  const std::string text = none.status().ToString();
  EXPECT_NE(text.find("device 0 that matches 'no such machine'"), std::string::npos) << text;
}

TEST_F(OpenCl, RefusesAnIndexPastTheDevicesOfTheName) {
  auto first = Open(plugin_);
  ASSERT_TRUE(first.ok());
  const std::string name((*first)->info().name.data, (*first)->info().name.size);
  EXPECT_EQ(Open(plugin_, {{"device", name}}, 1000).status().code(), Code::kOutOfRange);
}

TEST_F(OpenCl, RefusesOptionsItDoesNotKnow) {
  const std::string key = Open(plugin_, {{"isa", "avx2"}}).status().ToString();
  EXPECT_NE(key.find("opencl has no option 'isa'; it knows device, "), std::string::npos) << key;
  const std::string value = Open(plugin_, {{"kernels", "fast"}}).status().ToString();
  EXPECT_NE(value.find("option kernels of opencl is 'fast'; expected auto, tiles or groups"),
            std::string::npos)
      << value;
  const std::string folder = Open(plugin_, {{"cache_dir", "cache"}}).status().ToString();
  EXPECT_NE(folder.find("option cache_dir of opencl is 'cache'; expected an absolute path"),
            std::string::npos)
      << folder;
  for (const char* timeout : {"0", "-1", "1s", "86400001", ""}) {
    EXPECT_EQ(Open(plugin_, {{"timeout_ms", timeout}}).status().code(), Code::kInvalidArgument)
        << timeout;
  }
}

// Its indices would leave the 32 bits of the kernel.
TEST_F(OpenCl, RefusesATransposedMatrixThatIsTooLarge) {
  auto device = Open(plugin_);
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  Graph graph;
  const ValueId a = graph.AddInput("a", DType::kF32, {1 << 17, 1 << 14});
  const ValueId b = graph.AddInput("b", DType::kF32, {1 << 17, 1});
  graph.AddOutput(graph.Add("Gemm", "y", {a, b}, {{"transA", int64_t{1}}}), "y");
  ASSERT_TRUE(graph.Compact().ok());
  ASSERT_TRUE(InferShapes(graph, nullptr).ok());
  auto module = backend::Module::Create(*device, graph, false);
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  EXPECT_EQ(backend::Plan::Create(*module, graph).status().code(), Code::kUnimplemented);
}

TEST_F(OpenCl, CompilesWithoutAWarning) {
  auto device = Open(plugin_);
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  testing::internal::CaptureStderr();  // where compilers say so
  for (const DType dtype : {DType::kU8, DType::kI32, DType::kF32}) {
    Tensor indices = *Tensor::Allocate(DType::kI64, {1, 1});
    indices.mutable_as<int64_t>()[0] = 0;
    const Tensor x = *Tensor::Allocate(dtype, {4}), update = *Tensor::Allocate(dtype, {1});
    std::memset(const_cast<void*>(x.data()), 0, x.byte_size());
    std::memset(const_cast<void*>(update.data()), 0, update.byte_size());
    auto ran =
        RunNode(*device, {"ScatterND",
                          "",
                          {{"reduction", std::string("max")}},
                          {{x, Via::kInput}, {indices, Via::kInput}, {update, Via::kInput}}});
    EXPECT_TRUE(ran.ok()) << ran.status().ToString();
    EXPECT_TRUE(
        RunNode(*device, {"Gather", "", {}, {{x, Via::kInput}, {indices, Via::kInput}}}).ok());
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
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
