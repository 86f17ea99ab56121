// Report: everything that one comparison found, as plain data for its writers (text, JSON, markdown,
// HTML). What the figures mean is in docs/compare.md.
#ifndef MIDSTREAM_CORE_COMPARE_REPORT_H_
#define MIDSTREAM_CORE_COMPARE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/compare/arm.h"
#include "core/compare/layers.h"
#include "core/compare/metrics.h"
#include "core/measure/environment.h"
#include "core/measure/statistics.h"

namespace midstream::compare {

struct OutputDifference {
  std::string output;
  std::string problem;  // dtype or shape is another than the baseline's; nothing else is set then
  Difference difference;
};

// One version of the weights on one arm.
struct VersionReport {
  std::string weights;    // the file; empty: the model's own
  double update_ms = 0;   // reading, staging, committing
  uint64_t compiles = 0;  // modules and plans made by the update; 0 as the contract has it
  std::vector<OutputDifference> outputs;  // none for the baseline
};

enum class Verdict { kNone, kFaster, kSlower };
std::string_view VerdictName(Verdict verdict);  // "", "faster", "slower"

struct Speed {
  std::vector<double> latencies_ns;  // ascending
  measure::Interval median_ns{};     // over the medians of the rounds
  measure::Interval ratio{};         // of the median to the baseline's; 1 for that itself
  Verdict verdict = Verdict::kNone;  // see docs/compare.md
  double p50_ns = 0, p90_ns = 0, p99_ns = 0, p999_ns = 0;
  uint64_t calls = 0;
  double per_second = 0;  // inferences, one after the other
};

struct NodeTime {
  std::string name;
  std::string op;
  std::string backend;
  std::string kernel;
  double mean_ns = 0;  // of one inference
};

// Between the host and devices, for one inference.
struct Traffic {
  double to_device_bytes = 0;
  double from_device_bytes = 0;
  double transfers = 0;
};

struct ArmReport {
  std::string name;
  std::string from;
  std::string precision;              // mode
  std::vector<std::string> backends;  // of its nodes, as "cpu_blas 9, reference 1"
  std::vector<std::string> devices;   // "opencl: NAME (ISA)"
  // Why it does not take part, or no longer. unavailable: its backend cannot be used here; else it
  // could not compile, run or update the model.
  Status problem;
  bool unavailable = false;
  OpeningCost cost;
  std::vector<VersionReport> versions;
  std::optional<LayerReport> layers;
  Status layers_problem;
  std::optional<Speed> speed;
  Traffic traffic;
  std::vector<NodeTime> nodes;  // in the order of execution; empty where the backend has no clock
  bool ran() const { return problem.ok(); }
};

struct Report {
  std::string model;
  std::string version;             // of Midstream
  std::vector<TensorSpec> inputs;  // as they were fed
  uint64_t seed = 0;
  size_t baseline = 0;
  std::vector<ArmReport> arms;
  uint64_t rounds = 0;      // 0: nothing was timed
  double seconds = 0;       // of the timed calls, all arms together
  uint64_t peak_bytes = 0;  // resident memory of the process, over everything
  std::string time;         // when it was made, UTC
  measure::Environment environment;

  const ArmReport& base() const { return arms[baseline]; }
};

// The largest scaled error over the outputs of every version, infinite where values could not be
// compared; nothing for an arm that did not run.
std::optional<double> WorstScaled(const ArmReport& arm);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_REPORT_H_
