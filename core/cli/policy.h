// midstream policy: its arguments, and what its files and its report share.
#ifndef MIDSTREAM_CORE_CLI_POLICY_H_
#define MIDSTREAM_CORE_CLI_POLICY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/cli/command.h"
#include "core/formats/npy/npz.h"
#include "core/policy/runner.h"

namespace midstream::cli {

struct PolicyArgs {
  std::string checkpoint;
  std::string observation;
  std::string prompt;
  std::string noise;
  uint64_t seed = 0;
  std::vector<std::string> taps;
  std::string save;
  std::string trace;
  ConfigArgs config;
  bool json = false;
};

// What one run gave.
struct PolicyRun {
  openpi::Sizes sizes;
  std::string robot;   // empty: the observation was the model's own inputs
  int64_t steps = 0;   // 0: pi0_fast has none
  int64_t tokens = 0;  // valid ones of the prompt
  int64_t images = 0;  // valid ones
  formats::NamedTensors
      reply;  // "actions" first; "tokens" of a pi0_fast whose tokens nothing reads
  policy::RunnerResult result;
  double load_ms = 0;
  double prepare_ms = 0;
  double run_ms = 0;
};

void AddPolicy(CLI::App& app, Action* action);

void ReportPolicy(const PolicyRun& run, bool json);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_POLICY_H_
