// Compatibility: whether a checkpoint runs, before anybody waits for it to load.
//
// What a checkpoint is, which of its parameters the model has and needs, what the engine adapts, and
// what has to be told besides. Of the weights names and shapes are read and nothing else, so the answer
// does not wait for gigabytes; damage within values is not seen. Statistics are read whole, and held
// to what running the checkpoint holds them to (statistics.h).
// Threads: plain values.
#ifndef MIDSTREAM_CORE_POLICY_COMPATIBILITY_H_
#define MIDSTREAM_CORE_POLICY_COMPATIBILITY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/settings.h"

namespace midstream::policy {

enum class Verdict {
  kRuns,         // as it is
  kRunsAdapted,  // after Report::adaptations
  kRetrain,      // not, for Report::obstacles
  kDamaged,      // it or its statistics cannot be read, for Report::obstacles
};
// "runs", "runs_adapted", "retrain", "damaged".
std::string_view VerdictName(Verdict verdict);

struct ParameterProblem {
  std::string name;
  std::string problem;  // "missing", "shape", "dtype"
  std::string expected;
  std::string got;  // empty: missing
};

struct StatisticsFound {
  std::string key;  // "state", "actions"
  size_t numbers = 0;
  bool percentiles = false;
};

struct Report {
  std::string path;    // of the file or folder that holds the parameters
  std::string layout;  // "JAX, Orbax", "PyTorch, safetensors"
  // Heads of the image encoder: 0 where nobody says.
  std::optional<openpi::Sizes> sizes;  // none: it was not recognised
  std::string recognised_by;           // the parameter that tells the family
  uint64_t count = 0;                  // of numbers in all parameters
  uint64_t bytes = 0;
  std::map<std::string, size_t> dtypes;  // how many parameters have it
  size_t matched = 0;                    // parameters that the model has
  std::vector<ParameterProblem> problems;
  std::vector<std::string> extra;  // parameters that nothing is known about
  size_t lora_factors = 0;
  std::string statistics_path;  // empty: there are none
  std::vector<StatisticsFound> statistics;
  std::optional<Settings> settings;
  std::vector<std::string> adaptations;
  std::vector<std::string> obstacles;
  std::vector<std::string> to_be_told;  // what neither checkpoint nor configuration says
  Verdict verdict = Verdict::kRuns;
};

struct CheckOptions {
  std::optional<openpi::Family> as;  // the family that it is taken for
  Config config;  // what it is to run with; its paths as `midstream policy` has them
};

// Errors: NOT_FOUND when nothing at `path` is a checkpoint. What is wrong with one is in the report.
Result<Report> CheckCheckpoint(const std::string& path, const CheckOptions& options);

// The name that openpi has for a stack of these sizes ("gemma_2b"), or what it consists of.
std::string VariantName(const openpi::GemmaSizes& sizes);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_COMPATIBILITY_H_
