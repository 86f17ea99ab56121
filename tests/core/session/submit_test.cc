// What becomes of single requests: answers, callbacks, coroutines, deadlines, cancellation, order.

#include <gmock/gmock.h>

#include <coroutine>
#include <optional>
#include <thread>

#include "gate_testing.h"

namespace midstream::session {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using SubmitTest = GateTest;

TEST_F(SubmitTest, AnswersWithOutputsAndVersion) {
  auto session = MakeSession();
  Response response = Submit(*session, 4);
  auto result = response.Get();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->version, 1u);
  ASSERT_EQ(result->outputs.size(), 1u);
  EXPECT_EQ(result->outputs[0].name, "y");
  EXPECT_EQ(result->outputs[0].value.shape(), (Shape{1, 2}));
  EXPECT_EQ(result->outputs[0].value.as<float>()[1], 5);
  EXPECT_TRUE(response.Ready());
  EXPECT_TRUE(response.Wait(nanoseconds(0)));
  EXPECT_EQ(ValueOf(response), 5) << "it may be asked again";
}

TEST_F(SubmitTest, RefusesWhatDoesNotFitAtOnce) {
  auto session = MakeSession();
  std::vector<NamedTensor> wrong = {{"z", Rows(1, 0)}};
  auto response = session->Submit(wrong);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(session->stats().submitted, 0u);
}

TEST_F(SubmitTest, AnExecutionThatFailsIsTheAnswerOfItsRequestAlone) {
  auto session = MakeSession();
  Response bad = Submit(*session, 3 * kBad);
  Response good = Submit(*session, 1);
  EXPECT_EQ(bad.Get().status().code(), Code::kOutOfRange);
  EXPECT_EQ(ValueOf(good), 2);
  EXPECT_EQ(session->stats().failed, 1u);
  EXPECT_EQ(session->stats().completed, 1u);
}

TEST_F(SubmitTest, WaitsOnlyForTheTimeGiven) {
  auto session = MakeSession();
  Response response = Occupy(*session);
  EXPECT_FALSE(response.Ready());
  EXPECT_FALSE(response.Wait(milliseconds(1)));
  gate_.Open();
  EXPECT_TRUE(response.Wait(hours(1)));
}

TEST_F(SubmitTest, LanesAreRequestsThatExecuteAtTheSameTime) {
  Options options;
  options.lanes = 3;
  auto session = MakeSession(options);
  gate_.Close();
  std::vector<Response> responses;
  for (int i = 0; i < 7; ++i) responses.push_back(Submit(*session, static_cast<float>(i)));
  gate_.WaitUntilInside(3);
  EXPECT_EQ(session->stats().executing, 3u);
  EXPECT_EQ(session->stats().queued, 4u);
  gate_.Open();
  for (int i = 0; i < 7; ++i) EXPECT_EQ(ValueOf(responses[static_cast<size_t>(i)]), i + 1);
  EXPECT_EQ(gate_.most_inside(), 3);
}

TEST_F(SubmitTest, RunsOnTheirCallersThreadsUseTheSameLanes) {
  Options options;
  options.lanes = 2;
  auto session = MakeSession(options);
  gate_.Close();
  std::vector<std::thread> callers;
  for (int i = 0; i < 5; ++i) {
    callers.emplace_back([&] { EXPECT_TRUE(session->Run(Input(1)).ok()); });
  }
  gate_.WaitUntilInside(2);
  while (session->stats().queued < 3) std::this_thread::yield();
  gate_.Open();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(gate_.most_inside(), 2);
  const SessionStats stats = session->stats();
  EXPECT_EQ(stats.completed, 5u);
  EXPECT_EQ(stats.latency_ns.count, 5u);
  EXPECT_EQ(stats.queue_wait_ns.count, 5u);
}

TEST_F(SubmitTest, CallsBackOnceWhenItIsDone) {
  auto session = MakeSession();
  Response occupied = Occupy(*session);
  Response response = Submit(*session, 2);
  std::atomic<int> calls{0};
  std::atomic<float> value{0};
  std::thread::id thread;
  response.OnReady([&](const Response& done) {
    thread = std::this_thread::get_id();
    value = ValueOf(done);
    ++calls;
  });
  EXPECT_EQ(calls, 0);
  gate_.Open();
  ASSERT_TRUE(session->Drain(hours(1)).ok()) << "which waits for callbacks";
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(value, 3);
  EXPECT_NE(thread, std::this_thread::get_id());
  response.OnReady([&](const Response&) {
    EXPECT_EQ(std::this_thread::get_id(), std::this_thread::get_id());
    ++calls;
  });
  EXPECT_EQ(calls, 2) << "it is done, so at once";
}

TEST_F(SubmitTest, ACallbackMaySubmitAndRun) {
  auto session = MakeSession();
  std::optional<Response> second;
  float third = 0;
  Response first = Submit(*session, 1);
  first.OnReady([&](const Response&) {
    second = Submit(*session, 2);
    auto result = session->Run(Input(3));  // though its worker is the only one
    if (result.ok()) third = result->outputs[0].value.as<float>()[0];
  });
  while (session->stats().completed < 3) std::this_thread::yield();
  ASSERT_TRUE(session->Drain(hours(1)).ok());
  EXPECT_EQ(ValueOf(*second), 3);
  EXPECT_EQ(third, 4);
}

// A coroutine that nobody waits for; what it leaves behind tells.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached Chain(Session& session, std::vector<NamedTensor> input, int steps,
               std::atomic<float>* answer) {
  float value = 0;
  for (int i = 0; i < steps; ++i) {
    auto response = session.Submit(input);
    if (!response.ok()) co_return;
    Result<RunResult> result = co_await *response;
    if (!result.ok()) co_return;
    input[0].value = result->outputs[0].value;
    value = input[0].value.as<float>()[0];
  }
  answer->store(value);
}

TEST_F(SubmitTest, CoroutinesAwaitResponses) {
  auto session = MakeSession();
  std::atomic<float> answer{0};
  Chain(*session, Input(0), 100, &answer);
  while (answer == 0) std::this_thread::yield();
  EXPECT_EQ(answer, 100) << "each step adds w, which is 1";
}

TEST_F(SubmitTest, LargerPrioritiesComeFirstAndEqualOnesInOrder) {
  auto session = MakeSession();
  Response occupied = Occupy(*session);
  for (int i = 0; i < 6; ++i) {
    static_cast<void>(Submit(*session, static_cast<float>(10 + i), {.priority = i % 3}));
  }
  gate_.Open();
  ASSERT_TRUE(session->Drain(hours(1)).ok());
  EXPECT_THAT(gate_.firsts(), ElementsAre(1, 13, 16, 12, 15, 11, 14));
}

TEST_F(SubmitTest, RequestsOfOneCallerExecuteOneByOneInOrder) {
  Options options;
  options.lanes = 4;
  auto session = MakeSession(options);
  gate_.Close();
  std::vector<Response> mine;
  for (int i = 0; i < 4; ++i) {  // later ones are more urgent, and wait all the same
    mine.push_back(Submit(*session, static_cast<float>(i), {.priority = i, .caller = 7}));
  }
  Response other = Submit(*session, 100, {.caller = 8});
  gate_.WaitUntilInside(2);
  EXPECT_EQ(session->stats().executing, 2u);
  EXPECT_EQ(session->stats().queued, 3u);
  EXPECT_TRUE(mine[1].Cancel()) << "one that waits behind its caller's";
  gate_.Open();
  ASSERT_TRUE(session->Drain(hours(1)).ok());
  std::vector<float> order = gate_.firsts();
  std::erase(order, 101);
  EXPECT_THAT(order, ElementsAre(1, 3, 4));
  EXPECT_TRUE(other.Get().ok());
}

TEST_F(SubmitTest, CancelsWhatWaitsAndNothingElse) {
  auto session = MakeSession();
  Response executing = Occupy(*session);
  Response waiting = Submit(*session, 1);
  int calls = 0;
  waiting.OnReady([&](const Response& done) {
    EXPECT_TRUE(done.Ready());
    ++calls;
  });
  EXPECT_FALSE(executing.Cancel()) << "too late";
  EXPECT_TRUE(waiting.Cancel());
  EXPECT_EQ(calls, 1) << "at once, on this thread";
  EXPECT_EQ(waiting.Get().status().code(), Code::kCancelled);
  EXPECT_FALSE(waiting.Cancel());
  gate_.Open();
  EXPECT_TRUE(executing.Get().ok());
  EXPECT_FALSE(executing.Cancel());
  EXPECT_EQ(session->stats().cancelled, 1u);
}

TEST_F(SubmitTest, ExpiredRequestsNeverExecute) {
  auto session = MakeSession();
  Response executing = Occupy(*session);
  Response watched = Submit(*session, 50, {.timeout = milliseconds(3)});
  Response unwatched = Submit(*session, 51, {.timeout = milliseconds(1)});
  Response patient = Submit(*session, 52, {.timeout = hours(1)});
  Response forever = Submit(*session, 53, {.timeout = nanoseconds::max()});
  // Whoever waits takes it out, though the only worker is busy.
  EXPECT_EQ(watched.Get().status().code(), Code::kDeadlineExceeded);
  EXPECT_THAT(watched.Get().status().ToString(), HasSubstr("timeout of 3000 us"));
  gate_.Open();
  EXPECT_EQ(unwatched.Get().status().code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(patient.Get().ok());
  EXPECT_TRUE(forever.Get().ok());
  EXPECT_THAT(gate_.firsts(), ElementsAre(1, 53, 54));
  EXPECT_EQ(session->stats().expired, 2u);
}

TEST_F(SubmitTest, ARequestWithoutTimeLeftExpires) {
  auto session = MakeSession();
  Response executing = Occupy(*session);
  Response late = Submit(*session, 1, {.timeout = nanoseconds(-5)});
  EXPECT_EQ(late.Get().status().code(), Code::kDeadlineExceeded);
  auto run = session->Run(Input(1), {.timeout = milliseconds(2)});
  EXPECT_EQ(run.status().code(), Code::kDeadlineExceeded);
  gate_.Open();
}

// The lane is taken by a run on its caller's thread, so the worker has nothing to do but to wait.
TEST_F(SubmitTest, AWorkerThatWaitsExpiresRequests) {
  auto session = MakeSession();
  gate_.Close();
  std::thread run([&] { EXPECT_TRUE(session->Run(Input(0)).ok()); });
  gate_.WaitUntilInside(1);
  std::atomic<bool> called{false};
  Response late = Submit(*session, 1, {.timeout = milliseconds(5)});
  late.OnReady([&](const Response&) { called = true; });
  while (!called) std::this_thread::yield();
  EXPECT_EQ(late.Get().status().code(), Code::kDeadlineExceeded);
  gate_.Open();
  run.join();
}

TEST_F(SubmitTest, RefusesWhatTheQueueCannotHold) {
  Options options;
  options.queue = {2, 100};
  auto session = MakeSession(options);
  Response executing = Occupy(*session);
  Response first = Submit(*session, 1, {}, 5);  // 40 bytes
  EXPECT_EQ(session->stats().queued_bytes, 40u);
  auto refused = session->Submit(Input(1, 8));
  EXPECT_EQ(refused.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(refused.status().ToString(),
              AllOf(HasSubstr("40 bytes of inputs wait"), HasSubstr("has 64"),
                    HasSubstr("queue.max_bytes is 100")));
  Response second = Submit(*session, 1, {}, 7);
  refused = session->Submit(Input(1));
  EXPECT_EQ(refused.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(refused.status().ToString(),
              AllOf(HasSubstr("2 requests wait"), HasSubstr("queue.max_requests is 2")));
  EXPECT_EQ(session->Run(Input(1)).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(session->stats().refused, 3u);
  gate_.Open();
  EXPECT_EQ(ValueOf(second), 2);
  ASSERT_TRUE(first.Get().ok());
  gate_.Reset();
  executing = Occupy(*session);
  Response large = Submit(*session, 1, {}, 1000);  // larger than all that may wait, but alone
  gate_.Open();
  EXPECT_EQ(ValueOf(large), 2);
}

TEST_F(SubmitTest, RunsWithThePinnedVersion) {
  auto session = MakeSession();
  const VersionPin first(store_->Pin());
  Commit();
  EXPECT_EQ(ValueOf(Submit(*session, 0)), 2);
  Response pinned = Submit(*session, 0, {.version = first});
  EXPECT_EQ(ValueOf(pinned), 1);
  EXPECT_EQ(pinned.Get()->version, 1u);
  auto run = session->Run(Input(0), {.version = first});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->version, 1u);

  auto later = MakeSession();  // has weights of versions from now on only
  auto refused = later->Submit(Input(0), {.version = first});
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.status().ToString(), HasSubstr("version 1"));
  EXPECT_EQ(later->Run(Input(0), {.version = first}).status().code(), Code::kFailedPrecondition);
}

TEST_F(SubmitTest, HoldsNothingWhenItIsDone) {
  auto session = MakeSession();
  Tensor x = Rows(1, 0);
  std::vector<NamedTensor> inputs = {{"x", x}};
  auto response = session->Submit(inputs, {.version = VersionPin(store_->Pin())});
  inputs.clear();
  ASSERT_TRUE(response->Get().ok());
  EXPECT_TRUE(x.sole_owner());
}

}  // namespace
}  // namespace midstream::session
