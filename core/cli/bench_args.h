// What `midstream bench` was asked for: the options as they were typed.
#ifndef MIDSTREAM_CORE_CLI_BENCH_ARGS_H_
#define MIDSTREAM_CORE_CLI_BENCH_ARGS_H_

#include <optional>
#include <string>
#include <vector>

#include "core/cli/command.h"

namespace midstream::cli {

enum class BenchFormat { kText, kCsv, kJson, kJsonLines, kMarkdown };

struct BenchArgs {
  std::string model;
  std::string signature;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<std::string> weights;

  // Lists; each combination of their values is a run.
  std::vector<std::string> configs;
  std::string backends;
  std::string precisions;
  std::string threads;
  std::string streams;
  std::string instances;
  std::string batches = "1";
  std::vector<std::string> shapes;  // "NAME=2x3,4x3"
  std::string clients = "1";
  std::string rates;

  std::string distribution = "poisson";
  std::optional<double> update_rate;  // 0: as fast as they go
  double duration = 10;               // seconds
  uint64_t iterations = 0;            // > 0: instead of duration
  double warmup = 1;                  // seconds
  uint64_t rounds = 10;
  uint64_t seed = 0;
  std::string percentiles = "50,90,99,99.9";
  std::optional<double> threshold_ms;
  double threshold_percentile = 99;

  BenchFormat format = BenchFormat::kText;
  std::optional<BenchFormat> stderr_format;
  std::string save;
  std::string svg;
  std::string trace;
  bool stats = false;
  bool profile = false;
  std::vector<std::string> set;

  bool open_loop() const { return !rates.empty(); }
  bool searches() const { return threshold_ms.has_value(); }
};

// The options of the command. `args` must live as long as the command.
void AddBenchOptions(CLI::App& command, const std::shared_ptr<BenchArgs>& args);

// ".csv", ".jsonl", ".md", ".txt"; JSON for everything else.
BenchFormat FormatOfFile(const std::string& path);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_ARGS_H_
