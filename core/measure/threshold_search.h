// ThresholdSearch: the most that a service can take and still hold a limit, such as its p99.
//
// A binary search: it takes for granted that who holds a load holds every lower one. Noise near the
// limit can turn a probe around, so the answer is as sure as the longest probes allow.
//
// Threads: one.
#ifndef MIDSTREAM_CORE_MEASURE_THRESHOLD_SEARCH_H_
#define MIDSTREAM_CORE_MEASURE_THRESHOLD_SEARCH_H_

#include <functional>
#include <optional>

#include "core/base/status.h"

namespace midstream::measure {

struct SearchOptions {
  double low = 1;  // > 0
  double high = 1;
  bool whole = false;       // only whole numbers: until the neighbour of the answer fails
  double precision = 0.02;  // else: until something at most this part higher fails
};

// Whether the service holds the limit at this load.
using Probe = std::function<Result<bool>(double load)>;

// The highest load found that holds; none when even `low` does not. Probes each load at most once.
// Errors: INVALID_ARGUMENT unless 0 < low <= high, both finite, and precision > 0; those of the probe.
Result<std::optional<double>> FindHighest(const SearchOptions& options, const Probe& probe);

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_THRESHOLD_SEARCH_H_
