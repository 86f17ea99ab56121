#include "core/measure/rounds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cmath>
#include <string>

#include "core/measure/clock.h"
#include "core/measure/statistics.h"

namespace midstream::measure {
namespace {

// Takes this long, and notes that it was called.
Subject Busy(const std::string& name, uint64_t nanoseconds, std::string* log) {
  return {name, [=] {
            *log += name;
            WaitUntil(Now() + nanoseconds);
            return OkStatus();
          }};
}

RoundOptions Calls(uint64_t calls, uint64_t rounds) {
  RoundOptions options;
  options.warmup_calls = 0;
  options.calls = calls;
  options.rounds = rounds;
  return options;
}

TEST(Rounds, MeasureWhatEachSubjectTakes) {
  std::string log;
  const Subject subjects[] = {Busy("a", 100'000, &log), Busy("b", 300'000, &log)};
  const Result<std::vector<Sample>> samples = TimeInRounds(subjects, Calls(50, 10));
  ASSERT_TRUE(samples.ok()) << samples.status().ToString();
  ASSERT_EQ(samples->size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const Sample& sample = (*samples)[i];
    const double least = i == 0 ? 100'000 : 300'000;
    EXPECT_EQ(sample.calls, 50u);
    EXPECT_EQ(sample.latencies_ns.size(), 50u);
    EXPECT_EQ(sample.round_medians_ns.size(), 10u);
    for (const double latency : sample.latencies_ns) EXPECT_GE(latency, least);
    for (const double median : sample.round_medians_ns) EXPECT_GE(median, least);
    EXPECT_GE(sample.seconds, 50 * least * 1e-9);
  }
}

TEST(Rounds, AreInOrderOfTimeAndPaired) {
  // Calls become slower; those of one round take the same.
  uint64_t calls = 0;
  const auto slower = [&] {
    WaitUntil(Now() + 20'000 + calls++ / 2 * 20'000);
    return OkStatus();
  };
  const Subject subjects[] = {{"a", slower}, {"b", slower}};
  const Result<std::vector<Sample>> samples = TimeInRounds(subjects, Calls(20, 20));
  ASSERT_TRUE(samples.ok());
  for (const Sample& sample : *samples) {
    EXPECT_EQ(sample.latencies_ns, sample.round_medians_ns);
    for (size_t round = 0; round < 20; ++round) {
      EXPECT_GE(sample.latencies_ns[round], 20'000 + 20'000 * static_cast<double>(round));
    }
  }
}

TEST(Rounds, EverySecondOneIsTheReverse) {
  std::string log;
  const Subject subjects[] = {Busy("a", 0, &log), Busy("b", 0, &log), Busy("c", 0, &log)};
  ASSERT_TRUE(TimeInRounds(subjects, Calls(20, 20)).ok());
  ASSERT_EQ(log.size(), 60u);
  std::string firsts;
  for (size_t round = 0; round < 20; round += 2) {
    std::string order = log.substr(round * 3, 3);
    firsts += order[0];
    const std::string next = log.substr(round * 3 + 3, 3);
    EXPECT_EQ(std::string(order.rbegin(), order.rend()), next);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, "abc");
  }
  for (const char name : {'a', 'b', 'c'}) EXPECT_NE(firsts.find(name), std::string::npos);
}

TEST(Rounds, HaveTheOrderOfTheirSeed) {
  std::string logs[3];
  for (size_t i = 0; i < 3; ++i) {
    const Subject subjects[] = {Busy("a", 0, &logs[i]), Busy("b", 0, &logs[i])};
    RoundOptions options = Calls(40, 40);
    options.seed = i / 2;
    ASSERT_TRUE(TimeInRounds(subjects, options).ok());
  }
  EXPECT_EQ(logs[0], logs[1]);
  EXPECT_NE(logs[0], logs[2]);
}

TEST(Rounds, ShareTheCallsEvenly) {
  std::string log;
  const Subject subjects[] = {Busy("a", 0, &log)};
  Result<std::vector<Sample>> samples = TimeInRounds(subjects, Calls(7, 3));
  ASSERT_TRUE(samples.ok());
  EXPECT_EQ((*samples)[0].calls, 7u);
  EXPECT_EQ((*samples)[0].round_medians_ns.size(), 3u);
  samples = TimeInRounds(subjects, Calls(2, 10));
  ASSERT_TRUE(samples.ok());
  EXPECT_EQ((*samples)[0].round_medians_ns.size(), 2u);
}

TEST(Rounds, WarmUpBeforeAnythingCounts) {
  std::string log;
  const Subject subjects[] = {Busy("a", 0, &log), Busy("b", 0, &log)};
  RoundOptions options = Calls(1, 1);
  options.warmup_calls = 3;
  const Result<std::vector<Sample>> samples = TimeInRounds(subjects, options);
  ASSERT_TRUE(samples.ok());
  EXPECT_EQ(log.substr(0, 6), "aaabbb");
  EXPECT_EQ((*samples)[0].latencies_ns.size(), 1u);
}

TEST(Rounds, LastAsLongAsTheySay) {
  std::string log;
  const Subject subjects[] = {Busy("a", 100'000, &log), Busy("b", 50'000'000, &log)};
  RoundOptions options;
  options.warmup_calls = 0;
  options.seconds = 0.02;
  options.rounds = 2;
  const Result<std::vector<Sample>> samples = TimeInRounds(subjects, options);
  ASSERT_TRUE(samples.ok());
  EXPECT_GE((*samples)[0].seconds, 0.02);
  EXPECT_LE((*samples)[0].calls, 202u);  // of 100 us and more in each round of 10 ms
  EXPECT_EQ((*samples)[1].calls, 2u);    // slower than a round: once in each
}

TEST(Rounds, LetClientsCallAtTheSameTime) {
  // Each waits for the other two, so it ends only when they run beside it.
  std::barrier together(3);
  std::atomic<uint64_t> calls{0};
  const auto meet = [&] {
    ++calls;
    together.arrive_and_wait();
    return OkStatus();
  };
  const Subject subjects[] = {{"three", meet, {meet, meet}}};
  RoundOptions options = Calls(60, 4);
  const Result<std::vector<Sample>> samples = TimeInRounds(subjects, options);
  ASSERT_TRUE(samples.ok());
  const Sample& sample = samples->front();
  EXPECT_EQ(calls.load(), 60u);  // of all clients together
  EXPECT_EQ(sample.calls, 60u);
  EXPECT_EQ(sample.latencies_ns.size(), 60u);
  EXPECT_EQ(sample.began_ns.size(), 60u);
  EXPECT_EQ(sample.round_medians_ns.size(), 4u);
}

TEST(Rounds, EndWhenOneOfTheClientsFails) {
  const auto endless = [] { return OkStatus(); };
  const auto broken = [] { return Internal("broken"); };
  const Subject subjects[] = {{"pair", endless, {broken}}};
  RoundOptions options;
  options.warmup_calls = 0;
  options.seconds = 1e5;
  EXPECT_EQ(TimeInRounds(subjects, options).status().ToString(), "INTERNAL: pair: broken");
}

TEST(Rounds, NameTheSubjectThatFails) {
  int calls = 0;
  const Subject subjects[] = {
      {"good", [] { return OkStatus(); }},
      {"bad", [&] { return ++calls == 4 ? ResourceExhausted("no memory") : OkStatus(); }}};
  for (const uint64_t warmup : {0, 10}) {
    calls = 0;
    RoundOptions options = Calls(10, 2);
    options.warmup_calls = warmup;
    const Result<std::vector<Sample>> samples = TimeInRounds(subjects, options);
    ASSERT_FALSE(samples.ok());
    EXPECT_EQ(samples.status().ToString(), "RESOURCE_EXHAUSTED: bad: no memory");
    EXPECT_EQ(calls, 4);
  }
}

TEST(Rounds, RefuseOptionsThatMeasureNothing) {
  RoundOptions options = Calls(1, 0);
  EXPECT_EQ(TimeInRounds({}, options).status().code(), Code::kInvalidArgument);
  options = Calls(0, 1);
  for (const double seconds : {0.0, -1.0, 1e300, std::nan("")}) {
    options.seconds = seconds;
    EXPECT_EQ(TimeInRounds({}, options).status().code(), Code::kInvalidArgument) << seconds;
  }
  options.seconds = 1;
  const Result<std::vector<Sample>> none = TimeInRounds({}, options);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

}  // namespace
}  // namespace midstream::measure
