// What one run of `midstream bench` has found, as text, markdown and JSON.
#ifndef MIDSTREAM_CORE_CLI_BENCH_REPORT_H_
#define MIDSTREAM_CORE_CLI_BENCH_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "core/cli/bench_cases.h"
#include "core/measure/environment.h"
#include "core/measure/live_update.h"
#include "core/measure/statistics.h"

namespace midstream::cli {

// Whether the latency stayed within --latency-threshold.
struct ThresholdReport {
  double milliseconds = 0;
  double percentile = 0;
  bool held = false;
};

struct BenchReport {
  // What was measured.
  std::string model;
  BenchCase one;
  std::string backend;
  std::string device;
  std::string precision;  // precision.mode
  int64_t threads = 0;    // execution.threads
  int64_t streams = 1;
  int64_t instances = 1;
  int64_t items = 1;  // a request
  std::string distribution;
  bool updates = false;
  double update_rate = 0;  // 0: as fast as they go
  uint64_t weight_bytes = 0;
  size_t tensors = 0;
  double duration = 0;
  uint64_t seed = 0;
  std::string unchecked;  // why torn answers could not be told; empty: they were
  std::string version;    // of Midstream
  std::vector<double> percentiles;
  std::optional<ThresholdReport> threshold;
  measure::Environment environment;
  measure::LiveUpdateResult result;

  bool open_loop() const { return one.rate > 0; }
  // The slices that were measured.
  std::vector<measure::SliceKind> kinds() const;
  // Nanoseconds: the median of the latencies, with the interval that the rounds or slices give it.
  measure::Interval Median(measure::SliceKind kind) const;
  // "mnist.ckpt on cpu_blas, batch 1, 500 requests/s" and so on, a line each.
  std::vector<std::string> Head() const;
};

// "p99.9" of 99.9.
std::string PercentileName(double percentile);

std::string ToText(const BenchReport& report);
std::string ToMarkdown(const BenchReport& report);
Json ToJson(const BenchReport& report);
// Parts of it, which are columns of a row too: how the engine was set up, and where it ran.
Json SetupJson(const BenchReport& report);
Json MachineJson(const BenchReport& report);

// The first row is the head.
std::string MarkdownTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_REPORT_H_
