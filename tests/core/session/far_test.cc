// Sessions on devices with memory of their own that work on after the call.
#include <gmock/gmock.h>

#include <atomic>

#include "core/session/session.h"
#include "tests/far_plugin/far_testing.h"

namespace midstream::session {
namespace {

using testing::HasSubstr;

// y = x * w + b, with w and b of one value, that of the version.
class FarSessionTest : public far::FarTest {
 protected:
  static constexpr int64_t kWidth = 64;

  static Tensor Filled(Shape shape, float value) {
    Tensor tensor = *Tensor::Allocate(DType::kF32, std::move(shape));
    for (float& element : tensor.mutable_as<float>()) element = value;
    return tensor;
  }

  std::shared_ptr<Session> Make(std::vector<std::shared_ptr<backend::Device>> devices,
                                Options options = {}) {
    auto initial = [](const std::string&) -> Result<Tensor> { return Filled({kWidth}, 1); };
    store_ = std::make_shared<weights::Store>(
        weights::Declared{{"w", {DType::kF32, {kWidth}, true, true}},
                          {"b", {DType::kF32, {kWidth}, true, true}}},
        initial, *evaluator_, reaper_);
    Graph graph;
    ValueId x = graph.AddInput("x", DType::kF32, {-1, kWidth});
    ValueId product = graph.Add("Mul", "product", {x, graph.AddWeight("w", DType::kF32, {kWidth})});
    graph.AddOutput(graph.Add("Add", "y", {product, graph.AddWeight("b", DType::kF32, {kWidth})}),
                    "y");
    EXPECT_TRUE(graph.Compact().ok());
    plan::ProgramOptions program_options;
    program_options.placement.fallback = plan::Fallback::kAllow;
    auto program =
        plan::Program::Compile(std::move(graph), program_options, std::move(devices), *evaluator_);
    EXPECT_TRUE(program.ok()) << program.status().ToString();
    auto session = Session::Create(*program, store_, std::move(options));
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    return *session;
  }
  Result<uint64_t> Commit() {
    const auto value = static_cast<float>(store_->Pin()->id + 1);
    auto update = store_->Begin();
    update.Put("w", Filled({kWidth}, value));
    update.Put("b", Filled({kWidth}, value));
    return update.Commit();
  }
  static std::vector<NamedTensor> Input(int64_t rows = 1) {
    return {{"x", Filled({rows, kWidth}, 1)}};
  }
  // Whether the answer is that of the version that it names.
  static bool IsWhole(const RunResult& result) {
    const float want = 2 * static_cast<float>(result.version);
    const auto values = result.outputs[0].value.as<float>();
    return std::ranges::all_of(values, [&](float value) { return value == want; });
  }

  weights::Reaper reaper_;
  std::shared_ptr<weights::Store> store_;
};

TEST_F(FarSessionTest, NoAnswerMixesVersions) {
  const auto second = OpenFar(1, backend::kDeviceTimeoutNs);
  const std::vector<std::pair<std::set<std::string>, std::vector<std::shared_ptr<backend::Device>>>>
      splits = {{{}, {far_}},
                {{"Add"}, {far_, reference_}},
                {{"Mul"}, {far_, reference_}},
                {{"Add@0", "Mul@1"}, {far_, second}}};
  for (const auto& [refused, devices] : splits) {
    control_->claims_refused = refused;
    control_->jitter = 10;
    Options options;
    options.lanes = 3;
    options.batching = {4, 20'000};
    auto session = Make(devices, options);
    std::atomic<bool> stop{false};
    std::atomic<int> failed{0}, torn{0};
    std::thread trainer([&] {
      while (!stop) {
        if (!Commit().ok()) ++failed;
      }
    });
    std::vector<std::thread> clients;
    for (int thread = 0; thread < 4; ++thread) {
      clients.emplace_back([&] {
        for (int i = 0; i < 60; ++i) {
          auto result = i % 2 == 0 ? session->Run(Input(1 + i % 3))
                                   : session->Submit(Input(1 + i % 3))->Get();
          if (!result.ok()) {
            ++failed;
          } else if (!IsWhole(*result)) {
            ++torn;
          }
        }
      });
    }
    for (std::thread& client : clients) client.join();
    stop = true;
    trainer.join();
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(failed, 0);
  }
}

TEST_F(FarSessionTest, AHangFailsItsRequestAndNoOther) {
  auto session = Make({OpenFar(0, 20'000'000)});
  control_->hold();
  auto hung = session->Run(Input());
  EXPECT_EQ(hung.status().code(), Code::kDeadlineExceeded);
  EXPECT_THAT(hung.status().ToString(), HasSubstr("did not answer"));
  control_->release();
  auto result = session->Run(Input());
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_TRUE(IsWhole(*result));
  WaitUntilDone();
}

TEST_F(FarSessionTest, ABatchThatHangsIsNotTriedOneByOne) {
  Options options;
  options.batching = {4, 10'000'000'000};
  auto session = Make({OpenFar(0, 20'000'000)}, options);
  control_->hold();
  const uint64_t before = control_->executes;
  std::vector<Response> responses;
  for (int i = 0; i < 4; ++i) responses.push_back(*session->Submit(Input()));
  for (const Response& response : responses) {
    EXPECT_EQ(response.Get().status().code(), Code::kDeadlineExceeded);
  }
  EXPECT_EQ(control_->executes, before + 1);
  control_->release();
  WaitUntilDone();
}

TEST_F(FarSessionTest, ALateErrorOfABatchIsEachRequestsOwn) {
  Options options;
  options.batching = {4, 10'000'000'000};
  auto session = Make({far_}, options);
  control_->set(&far::FarControl::execute_late, 1, MS_INTERNAL, "once");
  std::vector<Response> responses;
  for (int i = 0; i < 4; ++i) responses.push_back(*session->Submit(Input()));
  for (const Response& response : responses) {
    auto result = response.Get();
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_TRUE(IsWhole(*result));
  }
}

}  // namespace
}  // namespace midstream::session
