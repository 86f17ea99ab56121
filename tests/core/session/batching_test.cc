// Requests that execute together, and those that must not.

#include <gmock/gmock.h>

#include <thread>

#include "gate_testing.h"

namespace midstream::session {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

class BatchingTest : public GateTest {
 protected:
  static Options Batches(int64_t max_rows, std::chrono::nanoseconds delay = {}) {
    Options options;
    options.batching = {max_rows, static_cast<uint64_t>(delay.count())};
    return options;
  }
  // Submits requests with these rows and values 0, 1, 2, ... and checks their answers.
  void SubmitBehind(Session& session, const std::vector<int64_t>& rows) {
    Response occupied = Occupy(session);
    std::vector<Response> responses;
    for (size_t i = 0; i < rows.size(); ++i) {
      responses.push_back(Submit(session, static_cast<float>(i), {}, rows[i]));
    }
    gate_.Open();
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(ValueOf(responses[i]), rows[i] == 0 ? 0 : static_cast<float>(i) + 1);
      EXPECT_EQ(responses[i].Get()->outputs[0].value.shape(), (Shape{rows[i], 2}));
    }
  }
};

TEST_F(BatchingTest, JoinsWhatFits) {
  auto session = MakeSession(Batches(6));
  SubmitBehind(*session, {1, 2, 9, 3, 1, 0, 1});
  // Nothing joins 9, which is too large, or 0, which has no rows to tell it by.
  EXPECT_THAT(gate_.rows(), ElementsAre(1, 6, 9, 2, 0));
  const SessionStats stats = session->stats();
  EXPECT_EQ(stats.batch_rows.max, 9u);
  EXPECT_EQ(stats.batch_rows.count, 5u);
  EXPECT_EQ(stats.execution_ns.count, 8u) << "of requests";
}

TEST_F(BatchingTest, IsOffByDefault) {
  auto session = MakeSession();
  SubmitBehind(*session, {1, 1});
  EXPECT_THAT(gate_.rows(), ElementsAre(1, 1, 1));
}

TEST_F(BatchingTest, ABadRequestFailsAlone) {
  auto session = MakeSession(Batches(8));
  Response occupied = Occupy(*session);
  Response good = Submit(*session, 1), bad = Submit(*session, 2 * kBad), also = Submit(*session, 3);
  gate_.Open();
  EXPECT_EQ(ValueOf(good), 2);
  EXPECT_EQ(ValueOf(also), 4);
  EXPECT_EQ(bad.Get().status().code(), Code::kOutOfRange);
  EXPECT_THAT(gate_.rows(), ElementsAre(1, 3, 1, 1, 1));
  EXPECT_EQ(session->stats().failed, 1u);
}

TEST_F(BatchingTest, RequestsWithAPinJoinOnlyTheirOwn) {
  auto session = MakeSession(Batches(8));
  const VersionPin first(store_->Pin());
  Commit();
  Response occupied = Occupy(*session);
  std::vector<Response> pinned, current;
  for (int i = 0; i < 2; ++i) {
    pinned.push_back(Submit(*session, 0, {.version = first}));
    current.push_back(Submit(*session, 0));
  }
  gate_.Open();
  for (const Response& response : pinned) EXPECT_EQ(ValueOf(response), 1);
  for (const Response& response : current) EXPECT_EQ(ValueOf(response), 2);
  EXPECT_THAT(gate_.rows(), ElementsAre(1, 2, 2));
}

TEST_F(BatchingTest, TakesOneRequestOfACaller) {
  auto session = MakeSession(Batches(8));
  Response occupied = Occupy(*session);
  for (uint64_t caller : {5, 5, 6}) static_cast<void>(Submit(*session, 0, {.caller = caller}));
  gate_.Open();
  ASSERT_TRUE(session->Drain(hours(1)).ok());
  EXPECT_THAT(gate_.rows(), ElementsAre(1, 2, 1));
}

TEST_F(BatchingTest, WaitsForABatchToFill) {
  auto session = MakeSession(Batches(3, hours(1)));
  Response first = Submit(*session, 1), second = Submit(*session, 2);
  std::thread run([&] { EXPECT_TRUE(session->Run(Input(3)).ok()); });  // joins what waits
  EXPECT_EQ(ValueOf(first), 2);
  EXPECT_EQ(ValueOf(second), 3);
  run.join();
  EXPECT_THAT(gate_.rows(), ElementsAre(3));
}

TEST_F(BatchingTest, WaitsNoLongerThanTheDelay) {
  auto session = MakeSession(Batches(100, milliseconds(5)));
  Response first = Submit(*session, 1), second = Submit(*session, 2);
  EXPECT_EQ(ValueOf(first), 2);
  EXPECT_EQ(ValueOf(second), 3);
  EXPECT_GE(session->stats().queue_wait_ns.max, 5'000'000u);
}

TEST_F(BatchingTest, DrainingDoesNotWaitForBatches) {
  auto session = MakeSession(Batches(100, hours(1)));
  Response first = Submit(*session, 1);
  EXPECT_TRUE(session->Drain(hours(1)).ok());
  EXPECT_EQ(ValueOf(first), 2);
}

// y = Relu(x) x': rows of one request meet those of others.
TEST_F(BatchingTest, RunsSinglyWhatDoesNotSplit) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {-1, 2});
  ValueId relu = graph.Add("Relu", "relu", {x});
  ValueId transposed = graph.Add("Transpose", "transposed", {relu});
  graph.AddOutput(graph.Add("MatMul", "y", {relu, transposed}), "y");
  auto session = MakeSession(std::move(graph), Batches(8));
  Response occupied = Occupy(*session);
  Response two = Submit(*session, 1, {}, 2), three = Submit(*session, 2, {}, 3);
  gate_.Open();
  EXPECT_EQ(two.Get()->outputs[0].value.shape(), (Shape{2, 2}));
  EXPECT_EQ(three.Get()->outputs[0].value.shape(), (Shape{3, 3}));
  EXPECT_EQ(ValueOf(two), 2);
  EXPECT_EQ(ValueOf(three), 8);
}

TEST_F(BatchingTest, NeedsAFreeFirstDimensionEverywhere) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {-1, 2});
  ValueId relu = graph.Add("Relu", "relu", {x});
  ValueId axes = graph.AddConstant("axes", Tensor::FromInts({0}));
  graph.AddOutput(graph.Add("ReduceSum", "y", {relu, axes}), "y");
  auto session = MakeSession(std::move(graph), Batches(8));
  Response occupied = Occupy(*session);
  Response one = Submit(*session, 1, {}, 2), two = Submit(*session, 2, {}, 2);
  gate_.Open();
  EXPECT_EQ(ValueOf(one), 2);
  EXPECT_EQ(ValueOf(two), 4);
  EXPECT_THAT(gate_.rows(), ElementsAre(1, 2, 2));
}

TEST_F(BatchingTest, RandomModelsGetNone) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {-1, 2});
  static_cast<void>(graph.AddInput("key", DType::kI64, {2}));
  graph.AddOutput(graph.Add("Relu", "y", {x}), "y");
  Options options = Batches(8);
  options.random = {"key", 3};
  auto session = MakeSession(std::move(graph), options);
  Response occupied = Occupy(*session);
  Response one = Submit(*session, 1), two = Submit(*session, 2);
  gate_.Open();
  EXPECT_EQ(ValueOf(one), 1);
  EXPECT_EQ(ValueOf(two), 2);
  EXPECT_THAT(gate_.rows(), ElementsAre(1, 1, 1));
}

}  // namespace
}  // namespace midstream::session
