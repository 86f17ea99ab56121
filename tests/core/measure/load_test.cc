#include "core/measure/load.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include "core/measure/arrivals.h"
#include "core/measure/clock.h"

namespace midstream::measure {
namespace {

using namespace std::chrono_literals;

TEST(Arrivals, HaveTheirRateAndAreTheSameEachTime) {
  for (const bool poisson : {false, true}) {
    Arrivals arrivals(2000, poisson, 5);
    Arrivals again(2000, poisson, 5);
    Arrivals other(2000, poisson, 6);
    uint64_t last = 0;
    size_t differ = 0;
    for (int i = 0; i < 20000; ++i) {
      const uint64_t at = arrivals.Next();
      EXPECT_GE(at, last);
      EXPECT_EQ(at, again.Next());
      differ += at != other.Next();
      last = at;
    }
    EXPECT_NEAR(static_cast<double>(last), 10e9, 0.3e9);
    EXPECT_EQ(differ > 0, poisson);
  }
}

// Gaps of a Poisson process: their standard deviation is their mean.
TEST(Arrivals, OfPoissonAreIndependent) {
  Arrivals arrivals(1000, true, 1);
  double sum = 0, squares = 0, last = 0;
  constexpr int kCount = 50000;
  for (int i = 0; i < kCount; ++i) {
    const auto at = static_cast<double>(arrivals.Next());
    sum += at - last;
    squares += (at - last) * (at - last);
    last = at;
  }
  const double mean = sum / kCount;
  EXPECT_NEAR(std::sqrt(squares / kCount - mean * mean) / mean, 1, 0.03);
}

LoadOptions Options(double rate, std::chrono::nanoseconds duration) {
  LoadOptions options;
  options.rate = rate;
  options.poisson = false;
  options.duration = duration;
  return options;
}

TEST(Load, SendsWhatTheRateSays) {
  std::atomic<uint64_t> requests{0};
  LoadOptions options = Options(1000, 200ms);
  options.warmup = 50ms;
  const LoadResult result = RunLoad(
      [&](size_t) {
        ++requests;
        return Verdict::kRight;
      },
      options);
  EXPECT_EQ(result.answered + result.unsent, 200u);
  // The first after one interval, those of the warm-up as well.
  if (result.unsent == 0) {
    EXPECT_EQ(requests.load(), 249u);
  }
  EXPECT_EQ(result.samples.size(), result.answered);
  EXPECT_EQ(result.latency_ns.count, result.answered);
  EXPECT_GE(result.seconds, 0.2);
}

// A stall of one request is part of the latency of all that arrived meanwhile.
TEST(Load, CountsFromTheArrivalNotFromTheStart) {
  constexpr uint64_t kStallNs = 50'000'000;
  std::atomic<int> number{0};
  const LoadResult result = RunLoad(
      [&](size_t) {
        if (++number == 10) WaitUntil(Now() + kStallNs);
        return Verdict::kRight;
      },
      Options(1000, 200ms));
  ASSERT_EQ(result.answered, 199u);
  size_t waited = 0;
  for (const RequestSample& sample : result.samples) waited += sample.latency_ns > kStallNs / 2;
  EXPECT_GE(waited, 20u);  // a loop that forgets them has one
}

TEST(Load, ClosedLoopKeepsEachClientBusy) {
  constexpr size_t kClients = 3;
  std::atomic<int> running[kClients] = {};
  std::atomic<uint64_t> calls{0};
  LoadOptions options = Options(0, 50ms);
  options.clients = kClients;
  const LoadResult result = RunLoad(
      [&](size_t client) {
        EXPECT_EQ(running[client].fetch_add(1), 0);
        std::this_thread::yield();
        running[client].fetch_sub(1);
        calls.fetch_add(1);
        return Verdict::kRight;
      },
      options);
  EXPECT_GT(result.answered, 0u);
  EXPECT_EQ(result.answered, calls.load());
  EXPECT_GT(result.throughput(), 0);
}

TEST(Load, CountsTornAndFailedAnswers) {
  std::atomic<int> number{0};
  const LoadResult result = RunLoad(
      [&](size_t) {
        const int n = number++;
        return n % 4 == 1 ? Verdict::kFailed : n % 4 == 2 ? Verdict::kTorn : Verdict::kRight;
      },
      Options(1000, 101ms));
  ASSERT_EQ(number.load(), 100);
  EXPECT_EQ(result.failed, 25u);
  EXPECT_EQ(result.torn, 25u);
  EXPECT_EQ(result.answered, 75u);
}

TEST(LoadResult, HasExactQuantilesWhileItHasAllSamples) {
  Histogram histogram;
  LoadResult result;
  EXPECT_TRUE(std::isnan(result.LatencyQuantile(0.5)));
  for (const uint64_t latency : {1000, 1001, 1003}) {
    histogram.Record(latency);
    result.samples.push_back({0, latency});
  }
  result.answered = 3;
  result.latency_ns = histogram.TakeSnapshot();
  EXPECT_EQ(result.LatencyQuantile(0.5), 1001);
  EXPECT_EQ(result.LatencyQuantiles({0, 0.75, 1}), (std::vector<double>{1000, 1002, 1003}));
  result.samples.pop_back();
  EXPECT_NEAR(result.LatencyQuantile(0.5), 1001, 1001.0 / 64);
  EXPECT_EQ(result.LatencyQuantile(1), 1003);
}

TEST(Load, KeepsNoMoreSamplesThanAsked) {
  LoadOptions options = Options(1000, 51ms);
  options.max_samples = 7;
  const LoadResult result = RunLoad([](size_t) { return Verdict::kRight; }, options);
  EXPECT_EQ(result.samples.size(), 7u);
  EXPECT_EQ(result.answered, 50u);
}

TEST(Load, GivesUpWhatCannotBeServed) {
  const LoadResult result = RunLoad(
      [](size_t) {
        std::this_thread::sleep_for(100ms);
        return Verdict::kRight;
      },
      Options(1000, 100ms));
  EXPECT_GT(result.unsent, 0u);
  EXPECT_EQ(result.answered + result.unsent, 99u);
}

// Requests that are begun on one thread and end on another, ten at a time and the last one first.
TEST(Load, SubmitsWithoutWaiting) {
  constexpr size_t kTogether = 10;
  std::mutex mutex;
  std::vector<Done> waiting;
  bool end = false;
  std::thread worker([&] {
    for (uint64_t since = Now();;) {
      std::vector<Done> batch;
      {
        const std::lock_guard lock(mutex);
        if (end) return;
        if (waiting.size() >= kTogether || Now() > since + 100'000'000) batch.swap(waiting);
      }
      if (!batch.empty()) since = Now();
      while (!batch.empty()) {
        batch.back()(Verdict::kRight);
        batch.pop_back();
      }
      std::this_thread::yield();
    }
  });
  const LoadResult result = SubmitLoad(
      [&](Done done) {
        const std::lock_guard lock(mutex);
        waiting.push_back(std::move(done));
      },
      Options(1000, 200ms));
  {
    const std::lock_guard lock(mutex);
    end = true;
  }
  worker.join();
  EXPECT_EQ(result.answered + result.unsent, 199u);
  // The first of ten waits for the arrival of the last one.
  EXPECT_GE(result.latency_ns.max, 8'000'000u);
}

TEST(Load, TakesAnswersInsideTheSubmission) {
  const LoadResult result =
      SubmitLoad([](Done done) { done(Verdict::kRight); }, Options(1000, 51ms));
  EXPECT_EQ(result.answered, 50u);
}

}  // namespace
}  // namespace midstream::measure
