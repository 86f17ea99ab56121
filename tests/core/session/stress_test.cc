// Many threads at once: nothing is lost, mixed or executed twice. Meant for ThreadSanitizer too.

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "gate_testing.h"

namespace midstream::session {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

constexpr int kThreads = 8;

class StressTest : public GateTest {
 protected:
  // Runs body(thread) on kThreads threads and returns when all have ended.
  template <typename Body>
  static void OnThreads(Body body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([&body, i] { body(i); });
    for (std::thread& thread : threads) thread.join();
  }

  static Options Busy() {
    Options options;
    options.lanes = 3;
    options.batching = {4, 20'000};
    return options;
  }
};

// Every answer is x + w of the version that it names, whether it came alone or in a batch, from a
// run or a submission; commits come as fast as they can.
TEST_F(StressTest, NoAnswerMixesVersionsOrRequests) {
  auto session = MakeSession(Busy());
  std::atomic<bool> stop{false};
  std::thread trainer([&] {
    while (!stop) Commit();
  });
  constexpr int kRequests = 150;
  std::atomic<int> wrong{0}, failed{0};
  OnThreads([&](int thread) {
    for (int i = 0; i < kRequests; ++i) {
      const auto value = static_cast<float>(thread * kRequests + i);
      const int64_t rows = 1 + i % 3;
      Result<RunResult> result = i % 4 == 0
                                     ? session->Run(Input(value, rows))
                                     : Submit(*session, value, {.priority = i % 2}, rows).Get();
      if (!result.ok()) {
        ++failed;
        continue;
      }
      const Tensor& y = result->outputs[0].value;
      if (y.shape() != Shape{rows, 2}) ++wrong;
      for (float element : y.as<float>()) {
        if (element != value + static_cast<float>(result->version)) ++wrong;
      }
    }
  });
  stop = true;
  trainer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(session->stats().completed, static_cast<uint64_t>(kThreads * kRequests));
  EXPECT_LE(gate_.most_inside(), 3);
}

// Cancellation, deadlines and execution race for every request; exactly one of them wins.
TEST_F(StressTest, EveryRequestIsDoneOnceInOneWay) {
  auto session = MakeSession(Busy());
  constexpr int kRequests = 200;
  std::atomic<int> calls{0}, cancelled{0}, expired{0}, answered{0}, other{0};
  OnThreads([&](int thread) {
    std::mt19937 random(static_cast<uint32_t>(thread));
    std::vector<Response> responses;
    int mine = 0;
    for (int i = 0; i < kRequests; ++i) {
      RequestOptions options;
      options.caller = random() % 4;
      options.priority = static_cast<int32_t>(random() % 3);
      if (random() % 3 == 0) options.timeout = microseconds(random() % 200);
      Response response = Submit(*session, 1, options);
      response.OnReady([&](const Response&) { ++calls; });
      if (random() % 3 == 0 && response.Cancel()) ++mine;
      responses.push_back(std::move(response));
      if (random() % 5 == 0) static_cast<void>(responses[random() % responses.size()].Get());
    }
    cancelled += mine;
    for (const Response& response : responses) {
      switch (response.Get().status().code()) {
        case Code::kOk:
          ++answered;
          break;
        case Code::kDeadlineExceeded:
          ++expired;
          break;
        case Code::kCancelled:
          break;
        default:
          ++other;
      }
    }
  });
  ASSERT_TRUE(session->Drain(hours(1)).ok());
  EXPECT_EQ(other, 0);
  EXPECT_EQ(calls, kThreads * kRequests);
  EXPECT_EQ(answered + expired + cancelled, kThreads * kRequests);
  const SessionStats stats = session->stats();
  EXPECT_EQ(stats.submitted, static_cast<uint64_t>(kThreads * kRequests));
  EXPECT_EQ(stats.completed, static_cast<uint64_t>(answered));
  EXPECT_EQ(stats.cancelled, static_cast<uint64_t>(cancelled));
  EXPECT_EQ(stats.expired, static_cast<uint64_t>(expired));
  EXPECT_EQ(stats.latency_ns.count, stats.completed);
}

TEST_F(StressTest, CallersGetTheirAnswersInOrder) {
  auto session = MakeSession(Busy());
  constexpr int kRequests = 100;
  std::atomic<int> misplaced{0};
  OnThreads([&](int thread) {
    std::atomic<int> next{0};
    std::vector<Response> responses;
    for (int i = 0; i < kRequests; ++i) {
      responses.push_back(Submit(*session, static_cast<float>(i),
                                 {.priority = -i, .caller = static_cast<uint64_t>(thread) + 1}));
      responses.back().OnReady([&, i](const Response&) {
        if (next++ != i) ++misplaced;
      });
    }
    for (const Response& response : responses) response.Wait(hours(1));
    while (next != kRequests) std::this_thread::yield();  // callbacks come after readiness
  });
  EXPECT_EQ(misplaced, 0);
}

TEST_F(StressTest, AFullQueueRefusesAndLosesNothing) {
  Options options = Busy();
  options.queue.max_requests = 4;
  auto session = MakeSession(options);
  std::atomic<uint64_t> taken{0}, refused{0}, wrong{0};
  OnThreads([&](int) {
    std::vector<Response> responses;
    for (int i = 0; i < 200; ++i) {
      auto response = session->Submit(Input(1));
      if (response.ok()) {
        responses.push_back(*std::move(response));
      } else if (response.status().code() == Code::kResourceExhausted) {
        ++refused;
      } else {
        ++wrong;
      }
    }
    for (const Response& response : responses) {
      if (!response.Get().ok()) ++wrong;
    }
    taken += responses.size();
  });
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(taken + refused, uint64_t{kThreads} * 200);
  EXPECT_EQ(session->stats().refused, refused);
  EXPECT_EQ(session->stats().completed, taken);
}

TEST_F(StressTest, DrainsUnderLoad) {
  auto session = MakeSession(Busy());
  std::atomic<uint64_t> taken{0}, answered{0}, wrong{0};
  std::thread drainer([&] {
    while (session->stats().completed < 100) std::this_thread::yield();
    EXPECT_TRUE(session->Drain(hours(1)).ok());
    EXPECT_EQ(session->stats().queued + session->stats().executing, 0u);
    EXPECT_TRUE(session->Close().ok());
  });
  OnThreads([&](int) {
    while (true) {
      auto response = session->Submit(Input(1));
      if (!response.ok()) {
        const Code code = response.status().code();
        if (code == Code::kResourceExhausted) continue;
        if (code != Code::kUnavailable && code != Code::kFailedPrecondition) ++wrong;
        return;
      }
      ++taken;
      response->OnReady([&](const Response& done) {
        if (done.Get().ok()) ++answered;
      });
    }
  });
  drainer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(answered, taken);
}

TEST_F(StressTest, SessionsEndWithRequestsInFlight) {
  std::vector<Response> responses;
  for (int round = 0; round < 30; ++round) {
    auto session = MakeSession(Busy());
    for (int i = 0; i < 40; ++i) {
      responses.push_back(Submit(*session, 1, {.caller = static_cast<uint64_t>(i % 3)}));
    }
  }
  for (const Response& response : responses) {
    ASSERT_TRUE(response.Ready());
    const Code code = response.Get().status().code();
    EXPECT_TRUE(code == Code::kOk || code == Code::kCancelled);
  }
}

}  // namespace
}  // namespace midstream::session
