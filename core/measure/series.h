// Series: latency over time, for pictures and for reports.
#ifndef MIDSTREAM_CORE_MEASURE_SERIES_H_
#define MIDSTREAM_CORE_MEASURE_SERIES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/measure/load.h"

namespace midstream::measure {

// The requests that arrived within one stretch of time.
struct SeriesBin {
  uint64_t at_ns;  // the middle of the stretch, steady clock
  uint64_t count;
  uint64_t p50_ns;
  uint64_t p99_ns;
  uint64_t max_ns;
};

// Cuts begin_ns..end_ns into `bins` equal stretches; those without a request are left out. Requires:
// begin_ns < end_ns, bins > 0.
std::vector<SeriesBin> MakeSeries(const std::vector<RequestSample>& samples, uint64_t begin_ns,
                                  uint64_t end_ns, size_t bins);

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_SERIES_H_
