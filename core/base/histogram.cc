#include "core/base/histogram.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>

#include "core/base/thread_pool.h"

namespace midstream {
namespace {

constexpr int kBits = 6;  // 2^kBits buckets for each power of two
constexpr uint64_t kPerPower = uint64_t{1} << kBits;
constexpr size_t kBuckets = (64 - kBits + 1) * kPerPower;
constexpr size_t kMaxShards = 4;

size_t IndexOf(uint64_t value) {
  if (value < kPerPower) return value;
  const int power = std::bit_width(value) - 1;
  return (power - kBits) * kPerPower + (value >> (power - kBits));
}

Histogram::Bucket BucketOf(size_t index, uint64_t count) {
  if (index < 2 * kPerPower) return {index, index, count};
  const uint64_t power = index / kPerPower - 1;  // the lowest value's, less kBits
  const uint64_t lowest = (index % kPerPower + kPerPower) << power;
  return {lowest, lowest + ((uint64_t{1} << power) - 1), count};
}

// The same number for a thread in all histograms.
size_t ThreadNumber() {
  static std::atomic<size_t> threads{0};
  thread_local size_t number = threads.fetch_add(1, std::memory_order_relaxed);
  return number;
}

}  // namespace

// A value is in min, max and sum before it is in counts, and TakeSnapshot reads them the other way
// round: no counted value is below min or above max.
struct alignas(64) Histogram::Shard {
  std::atomic<uint64_t> sum{0};
  std::atomic<uint64_t> min{std::numeric_limits<uint64_t>::max()};
  std::atomic<uint64_t> max{0};
  std::array<std::atomic<uint64_t>, kBuckets> counts{};
};

Histogram::Histogram() {
  const size_t shards = std::min<size_t>(std::bit_ceil(size_t{AvailableCores()}), kMaxShards);
  shard_mask_ = shards - 1;
  shards_ = std::make_unique<Shard[]>(shards);
}

Histogram::~Histogram() = default;

void Histogram::Record(uint64_t value) {
  Shard& shard = shards_[ThreadNumber() & shard_mask_];
  uint64_t seen = shard.min.load(std::memory_order_relaxed);
  while (value < seen && !shard.min.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
  seen = shard.max.load(std::memory_order_relaxed);
  while (value > seen && !shard.max.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
  shard.sum.fetch_add(value, std::memory_order_relaxed);
  shard.counts[IndexOf(value)].fetch_add(1, std::memory_order_release);
}

Histogram::Snapshot Histogram::TakeSnapshot() const {
  Snapshot snapshot;
  for (size_t index = 0; index < kBuckets; ++index) {
    uint64_t count = 0;
    for (size_t s = 0; s <= shard_mask_; ++s) {
      count += shards_[s].counts[index].load(std::memory_order_acquire);
    }
    if (count == 0) continue;
    snapshot.buckets.push_back(BucketOf(index, count));
    snapshot.count += count;
  }
  if (snapshot.count == 0) return snapshot;
  snapshot.min = std::numeric_limits<uint64_t>::max();
  for (size_t s = 0; s <= shard_mask_; ++s) {
    snapshot.sum += shards_[s].sum.load(std::memory_order_relaxed);
    snapshot.min = std::min(snapshot.min, shards_[s].min.load(std::memory_order_relaxed));
    snapshot.max = std::max(snapshot.max, shards_[s].max.load(std::memory_order_relaxed));
  }
  return snapshot;
}

uint64_t Histogram::Snapshot::Quantile(double q) const {
  if (q <= 0 || count == 0) return min;
  if (q >= 1) return max;
  const double rank = std::max(1.0, std::ceil(q * static_cast<double>(count)));
  uint64_t seen = 0;
  for (const Bucket& bucket : buckets) {
    seen += bucket.count;
    if (static_cast<double>(seen) < rank) continue;
    const uint64_t middle = bucket.lowest + (bucket.highest - bucket.lowest) / 2;
    return std::clamp(middle, min, max);
  }
  return max;
}

double Histogram::Snapshot::mean() const {
  return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count);
}

void Histogram::Snapshot::Merge(const Snapshot& other) {
  if (other.count == 0) return;
  min = count == 0 ? other.min : std::min(min, other.min);
  max = std::max(max, other.max);
  count += other.count;
  sum += other.sum;
  std::vector<Bucket> merged;
  auto mine = buckets.begin();
  for (const Bucket& theirs : other.buckets) {
    while (mine != buckets.end() && mine->lowest < theirs.lowest) merged.push_back(*mine++);
    merged.push_back(theirs);
    if (mine != buckets.end() && mine->lowest == theirs.lowest) {
      merged.back().count += (mine++)->count;
    }
  }
  merged.insert(merged.end(), mine, buckets.end());
  buckets = std::move(merged);
}

}  // namespace midstream
