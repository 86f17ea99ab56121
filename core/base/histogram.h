// Histogram: how often each value came, in log-linear buckets as HdrHistogram has them.
//
// Values below 64 have a bucket each; above, every power of two is cut into 64 equal buckets, so a
// quantile is off by at most 1/64 of itself over all of uint64_t, in fixed memory (30 KB for each of
// at most four shards). A thread records into one shard, so that threads of different cores seldom
// share a cache line. A snapshot holds only the buckets that are in use.
//
// Threads: any thread may Record and TakeSnapshot at any time. Record does not wait, allocate or
// fail: two atomic additions, and a compare-exchange when the value is a new smallest or largest one.
#ifndef MIDSTREAM_CORE_BASE_HISTOGRAM_H_
#define MIDSTREAM_CORE_BASE_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/export.h"

namespace midstream {

class MS_API Histogram {
 public:
  struct Bucket {
    uint64_t lowest;   // the bucket holds the values from lowest
    uint64_t highest;  // to highest, both included
    uint64_t count;
  };

  // Every value whose Record returned before, and perhaps some whose Record was under way.
  struct MS_API Snapshot {
    uint64_t count = 0;
    uint64_t sum = 0;  // modulo 2^64
    uint64_t min = 0;  // exact; 0 when count is 0
    uint64_t max = 0;
    std::vector<Bucket> buckets;  // those with a count, ascending

    // The smallest value that at least q of all values do not exceed, to 1/64 of itself; exact for
    // q <= 0 (min) and q >= 1 (max). 0 when count is 0.
    uint64_t Quantile(double q) const;
    double mean() const;
    // Adds what `other` holds.
    void Merge(const Snapshot& other);
  };

  Histogram();
  ~Histogram();
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  // For example nanoseconds.
  void Record(uint64_t value);
  Snapshot TakeSnapshot() const;

 private:
  struct Shard;

  size_t shard_mask_;  // shards are a power of two
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_HISTOGRAM_H_
