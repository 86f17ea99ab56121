#include "core/measure/live_update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/measure/clock.h"
#include "core/measure/latency_chart.h"
#include "core/measure/memory_copy.h"
#include "core/measure/series.h"

namespace midstream::measure {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(UpdateLoop, NumbersItsUpdatesAndCountsFailures) {
  std::vector<uint64_t> numbers;
  std::atomic<size_t> calls{0};
  UpdateLoop loop(
      [&](uint64_t number) -> Result<UpdateTimes> {
        numbers.push_back(number);
        ++calls;
        if (number % 2 == 1) return Internal("odd");
        return UpdateTimes{1000, 10};
      },
      0, 6);
  while (calls.load() < 20) std::this_thread::yield();
  const UpdateResult result = loop.Stop();
  for (size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], 6 + i);
  EXPECT_EQ(result.updates, (numbers.size() + 1) / 2);
  EXPECT_EQ(result.failed, numbers.size() / 2);
  EXPECT_EQ(result.first_error, "INTERNAL: odd");
  EXPECT_EQ(result.commits_at_ns.size(), result.updates);
  EXPECT_EQ(result.stage_ns.count, result.updates);
  EXPECT_EQ(result.commit_ns.max, 10u);
}

TEST(UpdateLoop, KeepsItsRateAndDoesNotCatchUp) {
  constexpr uint64_t kPeriodNs = 10'000'000;
  std::atomic<size_t> calls{0};
  std::vector<uint64_t> moments;
  uint64_t late_ns = 0;
  UpdateLoop loop(
      [&](uint64_t number) -> Result<UpdateTimes> {
        moments.push_back(Now());
        if (number == 0) WaitUntil(late_ns = Now() + 5 * kPeriodNs);
        ++calls;
        return UpdateTimes{};
      },
      100, 0);
  while (calls.load() < 5) std::this_thread::yield();
  static_cast<void>(loop.Stop());
  // After the late one the next may come at once, the others a period apart at the earliest.
  for (size_t i = 1; i < moments.size(); ++i) {
    EXPECT_GE(moments[i], late_ns + (i - 1) * kPeriodNs) << i;
  }
}

TEST(UpdateLoop, StopsBetweenRareUpdates) {
  UpdateLoop loop([](uint64_t) -> Result<UpdateTimes> { return UpdateTimes{}; }, 0.001, 0);
  EXPECT_EQ(loop.Stop().updates, 0u);
}

TEST(MemoryCopy, CopiesEveryByteToTwoBuffersInTurn) {
  for (const uint32_t threads : {1u, 2u, 0u}) {
    std::vector<NamedTensor> weights;
    uint64_t bytes = 0;
    for (const int64_t count : {3, 100'000, 0, 41}) {
      Tensor value = *Tensor::Allocate(DType::kF32, {count});
      for (float& element : value.mutable_as<float>()) element = 1;
      bytes += value.byte_size();
      weights.push_back({"w" + std::to_string(count), std::move(value)});
    }
    Result<MemoryCopy> copy = MemoryCopy::Make(bytes, threads);
    ASSERT_TRUE(copy.ok());
    for (int i = 0; i < 3; ++i) copy->Copy(weights);
    for (const Tensor& buffer : copy->buffers()) {
      const auto* values = static_cast<const float*>(buffer.data());
      for (uint64_t i = 0; i < bytes / sizeof(float); ++i) ASSERT_EQ(values[i], 1) << i;
    }
  }
}

TEST(Series, HasTheQuantilesOfEachStretch) {
  std::vector<RequestSample> samples;
  for (uint64_t i = 0; i < 100; ++i) samples.push_back({1000 + i % 10, i + 1});
  samples.push_back({1035, 7});
  samples.push_back({1040, 9});  // at the end
  samples.push_back({999, 9});
  const std::vector<SeriesBin> series = MakeSeries(samples, 1000, 1040, 4);
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].at_ns, 1005u);
  EXPECT_EQ(series[0].count, 100u);
  EXPECT_EQ(series[0].p50_ns, 50u);
  EXPECT_EQ(series[0].p99_ns, 99u);
  EXPECT_EQ(series[0].max_ns, 100u);
  EXPECT_EQ(series[1].at_ns, 1035u);
  EXPECT_EQ(series[1].p99_ns, 7u);
}

struct Counts {
  std::atomic<uint64_t> requests{0}, updates{0}, copies{0};
};

LiveUpdateResult Measure(Counts& counts, bool updates) {
  const RunRequest request = [&](size_t) {
    ++counts.requests;
    return Verdict::kRight;
  };
  LiveUpdateOptions options;
  options.load.rate = 2000;
  options.load.warmup = 5ms;
  options.load.duration = 40ms;
  options.updates = updates;
  options.update_rate = 500;
  options.rounds = 2;
  options.warmup = 5ms;
  return MeasureLiveUpdate([&](const LoadOptions& load) { return RunLoad(request, load); },
                           [&](uint64_t number) -> Result<UpdateTimes> {
                             EXPECT_EQ(number, counts.updates++);
                             return UpdateTimes{2000, 20};
                           },
                           [&](uint64_t number) -> Result<UpdateTimes> {
                             EXPECT_EQ(number, counts.copies++);
                             return UpdateTimes{1000, 0};
                           },
                           options);
}

TEST(LiveUpdate, SlicesTakeTurns) {
  Counts counts;
  const LiveUpdateResult result = Measure(counts, true);
  ASSERT_EQ(result.slices.size(), 6u);
  uint64_t end = result.start_ns;
  for (size_t i = 0; i < result.slices.size(); ++i) {
    const Slice& slice = result.slices[i];
    EXPECT_EQ(slice.kind, static_cast<SliceKind>(i % 3));
    EXPECT_GE(slice.begin_ns, end);
    EXPECT_GT(slice.end_ns, slice.begin_ns);
    EXPECT_GT(slice.load.answered, 0u);
    end = slice.end_ns;
  }
  // The same arrivals in each slice of a round, other ones in the next round.
  EXPECT_EQ(result.slices[0].load.answered, result.slices[1].load.answered);
  EXPECT_EQ(result.slices[0].load.answered, result.slices[2].load.answered);
  EXPECT_EQ(result[SliceKind::kQuiet].update.updates, 0u);
  EXPECT_EQ(result[SliceKind::kUpdates].update.updates, counts.updates.load());
  EXPECT_EQ(result[SliceKind::kUpdates].update.stage_ns.max, 2000u);
  EXPECT_EQ(result[SliceKind::kMemcpy].update.updates, counts.copies.load());
  EXPECT_EQ(result[SliceKind::kMemcpy].update.stage_ns.max, 1000u);
  EXPECT_GT(counts.copies.load(), 0u);
  const SliceSum& quiet = result[SliceKind::kQuiet];
  EXPECT_EQ(quiet.load.answered, result.slices[0].load.answered + result.slices[3].load.answered);
  EXPECT_EQ(quiet.load.samples.size(), quiet.load.answered);
  ASSERT_EQ(quiet.medians_ns.size(), 2u);
  EXPECT_GT(quiet.medians_ns[1], 0);
}

TEST(LiveUpdate, WithoutUpdatesAllIsQuiet) {
  Counts counts;
  const LiveUpdateResult result = Measure(counts, false);
  EXPECT_EQ(result.slices.size(), 2u);
  EXPECT_EQ(counts.updates.load() + counts.copies.load(), 0u);
}

TEST(LatencyChart, IsOnePictureWithCommits) {
  Counts counts;
  const std::string svg =
      LatencyChart(Measure(counts, true), {"a <model> & \"more\"\xff", {"first line"}});
  EXPECT_EQ(svg.rfind("<svg ", 0), 0u);
  EXPECT_THAT(svg, HasSubstr("a &#60;model&#62; &#38; &#34;more&#34;?"));
  EXPECT_THAT(svg, HasSubstr(">first line<"));
  EXPECT_THAT(svg, HasSubstr(">commits<"));
  EXPECT_THAT(svg, HasSubstr(">memcpy<"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_EQ(svg.substr(svg.size() - 7), "</svg>\n");
}

TEST(LatencyChart, OfNothingIsAPictureToo) {
  const std::string svg = LatencyChart({}, {"nothing", {}});
  EXPECT_THAT(svg, HasSubstr(">nothing<"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr(">commits<")));
}

}  // namespace
}  // namespace midstream::measure
