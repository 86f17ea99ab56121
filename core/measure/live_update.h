// LiveUpdate: how requests fare while weights change, beside how they fare when nothing happens.
//
// One run is cut into slices that take turns, so that what drifts (the machine's clock, other
// programs) meets all of them alike:
//   quiet    requests alone
//   updates  requests, and a trainer that pushes weights
//   memcpy   requests, and memory copies of the same bytes at the same rate: what no update of any
//            program could do without
//
// Threads: one.
#ifndef MIDSTREAM_CORE_MEASURE_LIVE_UPDATE_H_
#define MIDSTREAM_CORE_MEASURE_LIVE_UPDATE_H_

#include <array>
#include <functional>
#include <string_view>
#include <vector>

#include "core/measure/load.h"
#include "core/measure/updates.h"

namespace midstream::measure {

enum class SliceKind : uint8_t { kQuiet, kUpdates, kMemcpy };
inline constexpr size_t kSliceKinds = 3;

// "quiet", "updates", "memcpy".
std::string_view SliceKindName(SliceKind kind);

struct LiveUpdateOptions {
  LoadOptions load;                    // its duration and warmup are of one slice
  bool updates = true;                 // false: quiet slices only
  double update_rate = 0;              // 0: as fast as they go
  size_t rounds = 1;                   // slices of each kind
  std::chrono::nanoseconds warmup{0};  // before the first slice, under the same load
};

struct Slice {
  SliceKind kind;
  uint64_t begin_ns;  // steady clock; its own warm-up is not part of it
  uint64_t end_ns;
  LoadResult load;      // without samples
  UpdateResult update;  // or memory copies, in stage_ns; without moments
};

// All slices of one kind.
struct SliceSum {
  LoadResult load;
  UpdateResult update;
  std::vector<double> medians_ns;  // of the latencies of each slice that has any
};

struct LiveUpdateResult {
  uint64_t start_ns = 0;
  std::vector<Slice> slices;
  std::array<SliceSum, kSliceKinds> sums;

  const SliceSum& operator[](SliceKind kind) const { return sums[static_cast<size_t>(kind)]; }
};

// Requests for `options` and a stretch of time: RunLoad or SubmitLoad with the caller's request.
using Load = std::function<LoadResult(const LoadOptions& options)>;

LiveUpdateResult MeasureLiveUpdate(const Load& load, const ApplyUpdate& update,
                                   const ApplyUpdate& copy, const LiveUpdateOptions& options);

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_LIVE_UPDATE_H_
