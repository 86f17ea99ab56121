// What `midstream bench` has found, as text, markdown and JSON.
#ifndef MIDSTREAM_CORE_CLI_BENCH_REPORT_H_
#define MIDSTREAM_CORE_CLI_BENCH_REPORT_H_

#include <string>

#include "core/cli/command.h"
#include "core/measure/environment.h"
#include "core/measure/live_update.h"

namespace midstream::cli {

struct BenchReport {
  // What was measured.
  std::string model;
  std::string backend;
  int64_t threads = 0;  // execution.threads
  int64_t batch = 1;
  double rate = 0;  // 0: closed loop
  int64_t clients = 1;
  std::string distribution;
  bool updates = false;
  double update_rate = 0;  // 0: as fast as they go
  uint64_t weight_bytes = 0;
  size_t tensors = 0;
  double duration = 0;
  uint64_t seed = 0;
  std::string unchecked;  // why torn answers could not be told; empty: they were
  std::string version;    // of Midstream
  measure::Environment environment;
  measure::LiveUpdateResult result;

  // "mnist.ckpt on cpu_blas, batch 1, 500 requests/s" and so on, a line each.
  std::vector<std::string> Head() const;
};

std::string ToText(const BenchReport& report);
std::string ToMarkdown(const BenchReport& report);
Json ToJson(const BenchReport& report);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_REPORT_H_
