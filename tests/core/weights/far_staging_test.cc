// Staging on devices that take values later than the call says: nothing is let go before they have
// it, late errors refuse the update, and a device that hangs costs an update and no crash.
#include <gmock/gmock.h>

#include <random>

#include "core/session/session.h"
#include "core/weights/store.h"
#include "tests/far_plugin/far_testing.h"

namespace midstream::weights {
namespace {

using testing::HasSubstr;

constexpr int64_t kWidth = 1 << 12;

Tensor Filled(float value) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, {kWidth});
  for (float& element : tensor.mutable_as<float>()) element = value;
  return tensor;
}

// y = x * w + b: the product on far, the sum on the device of each test's choice.
class FarStagingTest : public far::FarTest {
 protected:
  void Make(std::vector<std::shared_ptr<backend::Device>> devices) {
    auto initial = [](const std::string&) -> Result<Tensor> { return Filled(1); };
    store_ = std::make_shared<Store>(Declared{{"w", {DType::kF32, {kWidth}, true, true}},
                                              {"b", {DType::kF32, {kWidth}, true, true}}},
                                     initial, *evaluator_, reaper_);
    Graph graph;
    ValueId x = graph.AddInput("x", DType::kF32, {kWidth});
    ValueId product = graph.Add("Mul", "product", {x, graph.AddWeight("w", DType::kF32, {kWidth})});
    graph.AddOutput(graph.Add("Add", "y", {product, graph.AddWeight("b", DType::kF32, {kWidth})}),
                    "y");
    ASSERT_TRUE(graph.Compact().ok());
    plan::ProgramOptions options;
    options.placement.fallback = plan::Fallback::kAllow;
    auto program = plan::Program::Compile(std::move(graph), options, devices, *evaluator_);
    ASSERT_TRUE(program.ok()) << program.status().ToString();
    auto session = session::Session::Create(*program, store_);
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    session_ = *session;
  }

  Result<uint64_t> Commit(float value) {
    auto update = store_->Begin();
    update.Put("w", Filled(value));
    update.Put("b", Filled(value));
    return update.Commit();
  }
  void ExpectAnswer(float want, uint64_t version) {
    auto result = session_->Run(std::vector<NamedTensor>{{"x", Filled(1)}});
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->version, version);
    for (float element : result->outputs[0].value.as<float>()) ASSERT_EQ(element, want);
  }

  Reaper reaper_;
  std::shared_ptr<Store> store_;
  std::shared_ptr<session::Session> session_;
};

TEST_F(FarStagingTest, ValuesAreHeldUntilTheDeviceHasThem) {
  control_->jitter = 50;
  Make({far_});
  for (int i = 2; i < 60; ++i) {
    auto version = Commit(static_cast<float>(i));
    ASSERT_TRUE(version.ok()) << version.status().ToString();
    ExpectAnswer(2 * static_cast<float>(i), *version);
  }
}

TEST_F(FarStagingTest, ALateErrorRefusesTheUpdateOnEveryBackend) {
  control_->claims_refused = {"Mul"};  // reference has w, far has b, in segments of this order
  Make({far_, reference_});
  control_->set(&far::FarControl::seal_late, 1, MS_RESOURCE_EXHAUSTED, "no memory for b");
  auto refused = Commit(5);
  EXPECT_EQ(refused.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(refused.status().ToString(), HasSubstr("backend 'far': no memory for b"));
  ExpectAnswer(2, 1);
  auto version = Commit(5);
  ASSERT_TRUE(version.ok()) << version.status().ToString();
  ExpectAnswer(10, *version);
}

TEST_F(FarStagingTest, ACommitCoversAllBackendsOrNone) {
  auto second = OpenFar(1, backend::kDeviceTimeoutNs);
  control_->claims_refused = {"Add@0", "Mul@1"};
  Make({far_, second});
  for (int fail : {1, 2}) {  // in the first device's seal, in the second's
    control_->set(&far::FarControl::seal_late, fail, MS_DATA_LOSS, "lost");
    EXPECT_EQ(Commit(7).status().code(), Code::kDataLoss);
    ExpectAnswer(2, 1);
  }
  EXPECT_TRUE(Commit(7).ok());
}

TEST_F(FarStagingTest, ADeviceThatHangsIsNamedAndNothingItMayReadIsFreed) {
  Make({OpenFar(0, 20'000'000)});
  control_->hold();
  auto refused = Commit(5);  // its values go when it returns, but for a share of them
  EXPECT_EQ(refused.status().code(), Code::kDeadlineExceeded);
  EXPECT_THAT(refused.status().ToString(), HasSubstr("device 'far 0'"));
  control_->release();
  WaitUntilDone();
  ExpectAnswer(2, 1);
  EXPECT_TRUE(Commit(5).ok());
  ExpectAnswer(10, 2);
}

}  // namespace
}  // namespace midstream::weights
