#include "core/base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

namespace midstream {
namespace {

constexpr uint64_t kLargest = std::numeric_limits<uint64_t>::max();

uint64_t ExactQuantile(const std::vector<uint64_t>& sorted, double q) {
  const double rank = std::max(1.0, std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[static_cast<size_t>(rank) - 1];
}

TEST(Histogram, EmptyHasOnlyZeros) {
  const Histogram::Snapshot snapshot = Histogram().TakeSnapshot();
  EXPECT_EQ(snapshot.count, 0u);
  EXPECT_EQ(snapshot.min, 0u);
  EXPECT_EQ(snapshot.max, 0u);
  EXPECT_EQ(snapshot.Quantile(0.5), 0u);
  EXPECT_EQ(snapshot.mean(), 0);
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t value = 0; value < 128; ++value) histogram.Record(value);
  const Histogram::Snapshot snapshot = histogram.TakeSnapshot();
  EXPECT_EQ(snapshot.count, 128u);
  EXPECT_EQ(snapshot.sum, 127u * 64);
  EXPECT_DOUBLE_EQ(snapshot.mean(), 63.5);
  for (uint64_t value = 0; value < 128; ++value) {
    EXPECT_EQ(snapshot.Quantile(static_cast<double>(value + 1) / 128), value);
  }
}

// At every edge of a power of two the value lies in its own bucket, and the buckets do not overlap.
TEST(Histogram, BucketsHoldTheirValuesAndAreNarrow) {
  std::vector<uint64_t> values = {0, kLargest};
  for (int power = 1; power < 64; ++power) {
    const uint64_t edge = uint64_t{1} << power;
    values.insert(values.end(), {edge - 1, edge, edge + 1, edge + edge / 3});
  }
  std::sort(values.begin(), values.end());
  for (uint64_t value : values) {
    Histogram histogram;
    histogram.Record(value);
    const Histogram::Snapshot snapshot = histogram.TakeSnapshot();
    ASSERT_EQ(snapshot.buckets.size(), 1u);
    const Histogram::Bucket& bucket = snapshot.buckets[0];
    EXPECT_LE(bucket.lowest, value);
    EXPECT_GE(bucket.highest, value);
    EXPECT_LE(bucket.highest - bucket.lowest, bucket.lowest / 64);
    EXPECT_EQ(snapshot.Quantile(0.5), value);  // between min and max
  }
  Histogram all;
  for (uint64_t value : values) all.Record(value);
  const Histogram::Snapshot snapshot = all.TakeSnapshot();
  for (size_t i = 1; i < snapshot.buckets.size(); ++i) {
    EXPECT_GT(snapshot.buckets[i].lowest, snapshot.buckets[i - 1].highest);
  }
  EXPECT_EQ(snapshot.count, values.size());
  EXPECT_EQ(snapshot.min, 0u);
  EXPECT_EQ(snapshot.max, kLargest);
}

TEST(Histogram, QuantilesAreWithinASixtyFourth) {
  std::mt19937_64 random(7);
  for (double spread : {0.1, 1.0, 3.0}) {
    std::lognormal_distribution<double> latency(11, spread);
    Histogram histogram;
    std::vector<uint64_t> values;
    for (int i = 0; i < 20000; ++i) {
      values.push_back(static_cast<uint64_t>(latency(random)));
      histogram.Record(values.back());
    }
    std::sort(values.begin(), values.end());
    const Histogram::Snapshot snapshot = histogram.TakeSnapshot();
    EXPECT_EQ(snapshot.Quantile(0), values.front());
    EXPECT_EQ(snapshot.Quantile(1), values.back());
    for (double q : {0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
      const auto exact = static_cast<double>(ExactQuantile(values, q));
      EXPECT_NEAR(static_cast<double>(snapshot.Quantile(q)), exact, exact / 64)
          << "q " << q << " spread " << spread;
    }
  }
}

TEST(Histogram, MergedIsAsIfRecordedTogether) {
  std::mt19937_64 random(11);
  std::vector<Histogram> parts(3);
  Histogram together;
  for (int i = 0; i < 3000; ++i) {
    const uint64_t value = random() >> (i % 60);
    parts[i % 2].Record(value);  // the third one stays empty
    together.Record(value);
  }
  Histogram::Snapshot merged;
  for (const Histogram& part : parts) merged.Merge(part.TakeSnapshot());
  const Histogram::Snapshot expected = together.TakeSnapshot();
  EXPECT_EQ(merged.count, expected.count);
  EXPECT_EQ(merged.sum, expected.sum);
  EXPECT_EQ(merged.min, expected.min);
  EXPECT_EQ(merged.max, expected.max);
  ASSERT_EQ(merged.buckets.size(), expected.buckets.size());
  for (size_t i = 0; i < merged.buckets.size(); ++i) {
    EXPECT_EQ(merged.buckets[i].lowest, expected.buckets[i].lowest);
    EXPECT_EQ(merged.buckets[i].highest, expected.buckets[i].highest);
    EXPECT_EQ(merged.buckets[i].count, expected.buckets[i].count);
  }
}

TEST(Histogram, LosesNothingBetweenThreads) {
  constexpr int kThreads = 6;  // more than there are shards
  constexpr uint64_t kEach = 20000;
  Histogram histogram;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kEach; ++i) histogram.Record(100 + i * kThreads + t);
      running.fetch_sub(1);
    });
  }
  uint64_t before = 0;
  while (running.load() > 0) {
    const Histogram::Snapshot snapshot = histogram.TakeSnapshot();
    EXPECT_GE(snapshot.count, before);
    before = snapshot.count;
    if (snapshot.count == 0) continue;
    EXPECT_LE(snapshot.min, snapshot.buckets.front().highest);
    EXPECT_GE(snapshot.max, snapshot.buckets.back().lowest);
  }
  for (std::thread& thread : threads) thread.join();
  const uint64_t values = kThreads * kEach;
  const Histogram::Snapshot snapshot = histogram.TakeSnapshot();
  EXPECT_EQ(snapshot.count, values);
  EXPECT_EQ(snapshot.sum, values * 100 + values * (values - 1) / 2);
  EXPECT_EQ(snapshot.min, 100u);
  EXPECT_EQ(snapshot.max, 100 + values - 1);
}

}  // namespace
}  // namespace midstream
