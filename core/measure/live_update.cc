#include "core/measure/live_update.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/measure/clock.h"

namespace midstream::measure {

std::string_view SliceKindName(SliceKind kind) {
  switch (kind) {
    case SliceKind::kQuiet:
      return "quiet";
    case SliceKind::kUpdates:
      return "updates";
    case SliceKind::kMemcpy:
      return "memcpy";
  }
  return "quiet";
}

LiveUpdateResult MeasureLiveUpdate(const Load& load, const ApplyUpdate& update,
                                   const ApplyUpdate& copy, const LiveUpdateOptions& options) {
  if (options.warmup.count() > 0) {
    LoadOptions warmup = options.load;
    warmup.warmup = {};
    warmup.duration = options.warmup;
    warmup.max_samples = 0;
    static_cast<void>(load(warmup));
  }
  LiveUpdateResult result;
  result.start_ns = Now();
  size_t samples_left = options.load.max_samples;
  const size_t kinds = options.updates ? kSliceKinds : 1;
  std::array<uint64_t, kSliceKinds> made{};
  for (size_t number = 0; number < options.rounds * kinds; ++number) {
    const auto kind = static_cast<SliceKind>(number % kinds);
    LoadOptions slice_load = options.load;
    slice_load.seed = options.load.seed + number / kinds;  // the same arrivals in one of each kind
    slice_load.max_samples = samples_left;

    Slice slice{kind, Now() + static_cast<uint64_t>(slice_load.warmup.count()), 0, {}, {}};
    std::optional<UpdateLoop> updates;
    uint64_t& first = made[static_cast<size_t>(kind)];
    if (kind != SliceKind::kQuiet) {
      updates.emplace(kind == SliceKind::kUpdates ? update : copy, options.update_rate, first);
    }
    slice.load = load(slice_load);
    if (updates) slice.update = updates->Stop();
    slice.end_ns = Now();

    first += slice.update.updates + slice.update.failed;
    samples_left -= slice.load.samples.size();
    SliceSum& sum = result.sums[static_cast<size_t>(kind)];
    if (slice.load.answered > 0) {
      sum.medians_ns.push_back(slice.load.LatencyQuantile(0.5));
    }
    sum.load.Merge(slice.load);
    sum.update.Merge(slice.update);
    slice.load.samples = {};
    slice.update.commits_at_ns = {};
    result.slices.push_back(std::move(slice));
  }
  return result;
}

}  // namespace midstream::measure
