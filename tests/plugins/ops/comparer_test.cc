// Every operator of every backend plugin of the build against the reference: over the shapes and
// dtypes of the case table, with shapes known late, and with the further inputs as weights that are
// updated live.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/graph/op_schema.h"
#include "tests/plugins/ops/compare.h"

namespace midstream::op_cases {
namespace {

using plugin_testing::BuiltNode;
using plugin_testing::NodeRunner;
using plugin_testing::OpenPlugin;
using plugin_testing::RunNode;
using Device = std::shared_ptr<backend::Device>;

std::vector<std::string> OtherPlugins() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(MS_PLUGIN_DIR)) {
    const std::string name = entry.path().stem().string();
    // Of what is no plugin the name begins so; python takes whole models and no operator.
    const bool left_out = name == "reference" || name == "python" || name.starts_with("lib");
    if (entry.path().extension() == ".so" && !left_out) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Operators() {
  std::set<std::string> keys;
  for (const OpCase& one : AllCases()) keys.insert(one.Key());
  return {keys.begin(), keys.end()};
}

Device Open(const std::string& name) {
  auto device = OpenPlugin(name);
  EXPECT_TRUE(device.ok()) << device.status().ToString();
  return device.ok() ? *device : nullptr;
}

bool Claims(const Device& device, const BuiltNode& node) {
  auto claims = device->Claim(node.graph);
  return claims.ok() && (*claims)[0].mine;
}

// One case: its inputs and what the reference makes of them.
struct Trial {
  const OpCase* one;
  std::vector<Tensor> values;
  std::vector<Tensor> want;

  plugin_testing::NodeCase Node(bool as_weights) const {
    std::vector<bool> weights(values.size(), false);
    for (size_t i = 1; i < weights.size(); ++i) weights[i] = as_weights;
    return ToNode(*one, values, weights);
  }
  bool HasWeights() const {
    for (size_t i = 1; i < values.size(); ++i) {
      if (!one->args[i].constant && !values[i].empty()) return true;
    }
    return false;
  }
  void ExpectWanted(const std::vector<Tensor>& got, const char* how) const {
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(Difference(got[i], want[i], one->slack), "") << how << ", output " << i;
    }
  }
};

Trial AnyValues(const OpCase& one, uint64_t seed) {
  Trial trial{&one, {}, {}};
  Random random(seed);
  for (const Arg& arg : one.args) trial.values.push_back(MakeValue(arg, &random));
  return trial;
}

Trial MakeTrial(const OpCase& one, const Device& reference, uint64_t seed) {
  Trial trial = AnyValues(one, seed);
  auto want = RunNode(reference, trial.Node(false));
  EXPECT_TRUE(want.ok()) << want.status().ToString();
  if (want.ok()) trial.want = *want;
  return trial;
}

// The module is made before the sizes are known.
void CompareDynamic(const Trial& trial, const Device& device) {
  auto node = trial.Node(false);
  node.dynamic = true;
  auto got = RunNode(device, node);
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  trial.ExpectWanted(*got, "shapes known late");
}

Tensor Zeroes(const Tensor& like) {
  Tensor tensor = *Tensor::Allocate(like.dtype(), like.shape());
  std::memset(tensor.mutable_data(), 0, tensor.byte_size());
  return tensor;
}

// Inputs 1 and up are weight slots: staged as zeroes, then updated to the values of the trial, by
// way of a second set that must leave the first as it is.
void CompareWeights(const Trial& trial, const Device& device) {
  auto built = BuiltNode::Build(trial.Node(true));
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  auto runner = NodeRunner::Create(device, *built, false);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();
  std::vector<Tensor> zeroes;
  for (const Tensor& weight : built->weights) zeroes.push_back(Zeroes(weight));
  auto old_set = runner->Stage(zeroes, nullptr);
  ASSERT_TRUE(old_set.ok()) << old_set.status().ToString();
  auto before = runner->Run(old_set->get());  // may fail: zero need not be a legal value
  auto new_set = runner->Stage(built->weights, old_set->get());
  ASSERT_TRUE(new_set.ok()) << new_set.status().ToString();
  auto got = runner->Run(new_set->get());
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  trial.ExpectWanted(*got, "as weights");
  auto after = runner->Run(old_set->get());
  ASSERT_EQ(after.ok(), before.ok());
  for (size_t i = 0; before.ok() && i < before->size(); ++i) {
    EXPECT_TRUE(BitEqual((*before)[i], (*after)[i])) << "an update changed the older set";
  }
  auto cold_set = runner->Stage(built->weights, nullptr);
  ASSERT_TRUE(cold_set.ok()) << cold_set.status().ToString();
  auto cold = runner->Run(cold_set->get());
  ASSERT_TRUE(cold.ok()) << cold.status().ToString();
  for (size_t i = 0; i < got->size(); ++i) {
    EXPECT_TRUE(BitEqual((*got)[i], (*cold)[i])) << "an update differs from a cold load";
  }
  for (size_t i = 0; i < built->weights.size(); ++i) {
    Tensor back = Zeroes(built->weights[i]);
    Status status = (*new_set)->Get(static_cast<uint32_t>(i), &back);
    if (status.code() == Code::kUnimplemented) continue;
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_TRUE(BitEqual(back, built->weights[i])) << "weights_get of slot " << i;
  }
}

void Compare(const Trial& trial, const Device& device) {
  auto got = RunNode(device, trial.Node(false));
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  trial.ExpectWanted(*got, "as inputs");
  CompareDynamic(trial, device);
  if (trial.HasWeights()) CompareWeights(trial, device);
}

// A plugin and an operator.
class Operator : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(Operator, MatchesReference) {
  const auto& [plugin, key] = GetParam();
  Device reference = Open("reference");
  ASSERT_NE(reference, nullptr);
  auto opened = OpenPlugin(plugin);
  if (opened.status().code() == Code::kUnavailable) GTEST_SKIP() << opened.status().ToString();
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  const Device& device = *opened;
  uint64_t seed = 0;
  int refused = 0;
  for (const OpCase& one : AllCases()) {
    ++seed;
    if (one.Key() != key) continue;
    SCOPED_TRACE(Describe(one) + ", seed " + std::to_string(seed));
    auto built = BuiltNode::Build(AnyValues(one, seed).Node(false));
    ASSERT_TRUE(built.ok()) << built.status().ToString();
    if (!Claims(device, *built)) {
      ++refused;
      continue;
    }
    Compare(MakeTrial(one, reference, seed), device);
    if (HasFailure()) break;  // the first case that differs tells enough
  }
  RecordProperty("refused", refused);
}

std::string TestName(const testing::TestParamInfo<Operator::ParamType>& info) {
  std::string name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, Operator,
                         testing::Combine(testing::ValuesIn(OtherPlugins()),
                                          testing::ValuesIn(Operators())),
                         TestName);

TEST(OpCases, ThereIsAPluginToCompare) {
  EXPECT_FALSE(OtherPlugins().empty()) << "no plugin beside the reference in " << MS_PLUGIN_DIR;
}

TEST(OpCases, CoverEveryOperator) {
  std::set<std::string> covered;
  for (const OpCase& one : AllCases()) covered.insert(one.Key());
  for (const OpSchema& schema : AllSchemas()) {
    std::string key(schema.name);
    if (!schema.domain.empty()) key = std::string(schema.domain) + "." + key;
    EXPECT_EQ(covered.count(key), schema.opaque ? 0u : 1u) << "no case for " << key;
  }
}

// The comparison itself must be able to fail.
TEST(OpCases, DifferenceSeesOneWrongElement) {
  Random random(7);
  for (DType dtype :
       {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI32, DType::kBool}) {
    Tensor want = MakeValue(Of(dtype, {3, 5}).In(1, 9), &random);
    Tensor got = *Tensor::Copy(dtype, want.shape(), want.bytes());
    EXPECT_EQ(Difference(got, want, 1), "");
    size_t size = DTypeSize(dtype);
    auto* byte = static_cast<uint8_t*>(got.mutable_data()) + 7 * size + (size > 1 ? size - 1 : 0);
    *byte = static_cast<uint8_t>(*byte ^ 1u);
    EXPECT_NE(Difference(got, want, 1), "") << DTypeName(dtype);
  }
  Tensor nan = MakeValue(Exactly({1}, {NAN}), &random);
  Tensor one = MakeValue(Exactly({1}, {1}), &random);
  EXPECT_EQ(Difference(nan, nan, 1), "");
  EXPECT_NE(Difference(one, nan, 1), "");
  EXPECT_NE(Difference(nan, one, 1), "");
}

}  // namespace
}  // namespace midstream::op_cases
