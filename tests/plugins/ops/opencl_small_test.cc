// Every kernel of the opencl plugin on small tensors, in the variants for devices with vector
// registers and for devices with local memory. Small enough to run under oclgrind, which the test
// OpenCl.KernelsAreCleanUnderOclgrind does.
#include <gtest/gtest.h>

#include <map>

#include "tests/plugins/ops/compare.h"

namespace midstream::op_cases {
namespace {

using plugin_testing::OpenPlugin;
using plugin_testing::RunNode;
using Device = std::shared_ptr<backend::Device>;

// The plugin's first device with other kernels than it would take.
Result<Device> OpenWithKernels(const std::string& kernels) {
  backend::DeviceOptions options;
  options.values = {{"kernels", kernels}};
  return OpenPlugin("opencl", options);
}

// Of float32 or what is next to it, of few elements but not of none.
bool IsSmall(const OpCase& one) {
  int64_t elements = 0;
  for (const Arg& arg : one.args) {
    if (arg.dtype == DType::kInvalid) continue;
    const int64_t n = arg.value.empty() ? *ElementCount(arg.shape) : arg.value.count();
    const bool usual = arg.dtype == DType::kF32 || arg.dtype == DType::kI64 ||
                       arg.dtype == DType::kI32 || arg.dtype == DType::kBool;
    if (n == 0 || !usual) return false;
    elements += n;
  }
  return elements > 1 && elements <= 300;
}

// Four cases of each operator, spread over its list.
std::vector<OpCase> SmallCases() {
  std::map<std::string, std::vector<const OpCase*>> small;
  for (const OpCase& one : AllCases()) {
    if (IsSmall(one)) small[one.Key()].push_back(&one);
  }
  std::vector<OpCase> cases;
  for (const auto& [key, all] : small) {
    const size_t n = std::min<size_t>(all.size(), 4);
    for (size_t i = 0; i < n; ++i)
      cases.push_back(*all[i * (all.size() - 1) / std::max<size_t>(n - 1, 1)]);
  }
  return cases;
}

bool Claims(const Device& device, const plugin_testing::NodeCase& node) {
  auto built = plugin_testing::BuiltNode::Build(node);
  EXPECT_TRUE(built.ok()) << built.status().ToString();
  if (!built.ok()) return false;
  auto claims = device->Claim(built->graph);
  return claims.ok() && (*claims)[0].mine;
}

class SmallOpenCl : public testing::TestWithParam<const char*> {};

TEST_P(SmallOpenCl, KernelsMatchTheReference) {
  auto reference = OpenPlugin("reference");
  ASSERT_TRUE(reference.ok()) << reference.status().ToString();
  auto device = OpenWithKernels(GetParam());
  if (device.status().code() == Code::kUnavailable || device.status().code() == Code::kNotFound)
    GTEST_SKIP() << device.status().ToString();
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  int compared = 0;
  uint64_t seed = 0;
  for (const OpCase& one : SmallCases()) {
    SCOPED_TRACE(Describe(one));
    Random random(++seed);
    std::vector<Tensor> values;
    for (const Arg& arg : one.args) values.push_back(MakeValue(arg, &random));
    const auto node = ToNode(one, values, std::vector<bool>(values.size(), false));
    if (!Claims(*device, node)) continue;
    auto got = RunNode(*device, node);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    auto want = RunNode(*reference, node);
    ASSERT_TRUE(want.ok()) << want.status().ToString();
    for (size_t i = 0; i < want->size(); ++i) {
      EXPECT_EQ(Difference((*got)[i], (*want)[i], one.slack), "") << "output " << i;
    }
    ++compared;
  }
  EXPECT_GT(compared, 200);
}

INSTANTIATE_TEST_SUITE_P(All, SmallOpenCl, testing::Values("tiles", "groups"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace midstream::op_cases
