// The runs of `midstream bench`: every combination of the values that its options list.
#ifndef MIDSTREAM_CORE_CLI_BENCH_CASES_H_
#define MIDSTREAM_CORE_CLI_BENCH_CASES_H_

#include <optional>
#include <string>
#include <vector>

#include "core/cli/bench_args.h"
#include "core/cli/input_value.h"
#include "core/cli/number_list.h"

namespace midstream::cli {

inline constexpr size_t kMostCases = 1000;

// What needs an engine and a session of its own.
struct BenchSetup {
  ConfigArgs config;
  bool operator==(const BenchSetup& other) const {
    return config.file == other.config.file && config.set == other.config.set &&
           config.backend == other.config.backend;
  }
};

// One run, or one search.
struct BenchCase {
  BenchSetup setup;
  int64_t batch = 1;
  std::vector<InputArg> shapes;  // of inputs, as "random:2x3"
  int64_t clients = 1;
  double rate = 0;  // 0: closed loop

  // "NAME=2x3 NAME=4x5"
  std::string ShapesText() const;
};

struct BenchPlan {
  std::vector<BenchCase> cases;  // those of one setup one after another
  std::optional<Bounds> search;  // of the rate or the clients, in each case
  std::vector<double> percentiles;
};

// Errors: INVALID_ARGUMENT naming the option, its value and what was expected; for more than
// kMostCases combinations.
Result<BenchPlan> MakeBenchPlan(const BenchArgs& args);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_CASES_H_
