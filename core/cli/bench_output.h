// BenchOutput: the result of `midstream bench` in one format, as it grows.
//
// Lines of csv and jsonl come as soon as there is a row, the other formats at the end.
//
// Threads: one.
#ifndef MIDSTREAM_CORE_CLI_BENCH_OUTPUT_H_
#define MIDSTREAM_CORE_CLI_BENCH_OUTPUT_H_

#include <functional>
#include <string>
#include <vector>

#include "core/cli/bench_report.h"

namespace midstream::cli {

// What is kept of a run: without the samples.
struct BenchRecord {
  std::vector<Json> rows;
  Json document;
  std::string text;  // empty unless it is the only run
  std::string markdown;
};

class BenchOutput {
 public:
  using Write = std::function<void(const std::string& text)>;

  BenchOutput(BenchFormat format, Write write) : format_(format), write_(std::move(write)) {}

  void Add(const BenchRecord& record);
  // Writes what is still to be written; nothing when nothing was added.
  void End();

 private:
  const BenchFormat format_;
  const Write write_;
  std::vector<Json> rows_;
  std::vector<Json> documents_;
  std::string only_;  // of the first record
};

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_OUTPUT_H_
