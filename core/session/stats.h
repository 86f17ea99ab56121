// SessionStats: what a session has done and what it holds, at one moment.
#ifndef MIDSTREAM_CORE_SESSION_STATS_H_
#define MIDSTREAM_CORE_SESSION_STATS_H_

#include <cstdint>
#include <string>

#include "core/base/export.h"
#include "core/base/histogram.h"

namespace midstream {

struct MS_API SessionStats {
  // Now.
  uint64_t queued = 0;
  uint64_t queued_bytes = 0;  // of inputs
  uint64_t executing = 0;
  // Since the session began. submitted counts what was not refused: it is the sum of the others and
  // of what is queued and executing now.
  uint64_t submitted = 0;
  uint64_t completed = 0;
  uint64_t failed = 0;
  uint64_t cancelled = 0;
  uint64_t expired = 0;
  uint64_t refused = 0;  // for overload
  // Copies between the host and devices with memory of their own, for requests that completed.
  uint64_t to_device_bytes = 0;
  uint64_t from_device_bytes = 0;
  uint64_t transfers = 0;
  // Of requests that executed, in nanoseconds: waiting, executing, and both together. A run that
  // found nothing queued did not wait.
  Histogram::Snapshot queue_wait_ns;
  Histogram::Snapshot execution_ns;
  Histogram::Snapshot latency_ns;
  // Rows of axis 0 in each execution that came from the queue: its batch sizes.
  Histogram::Snapshot batch_rows;

  // One JSON object: the counters by their names, of each histogram an object with count, mean,
  // min, p50, p90, p99, p999 and max.
  std::string ToJson() const;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_SESSION_STATS_H_
