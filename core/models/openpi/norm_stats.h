// The statistics by which openpi normalises states and actions: a checkpoint's
// assets/<id>/norm_stats.json.
//
// Read as openpi reads it (pydantic): any keys, numbers also as strings, NaN and infinities, which
// JSON does not have, and percentiles that are missing or null. Lengths are not compared: who uses
// the statistics knows what they must fit.
// Threads: plain values.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_NORM_STATS_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_NORM_STATS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::openpi {

struct Statistics {
  std::vector<double> mean;
  std::vector<double> deviation;           // "std"
  std::optional<std::vector<double>> q01;  // percentiles
  std::optional<std::vector<double>> q99;
};

// By what they are of: "state", "actions".
using NormStats = std::map<std::string, Statistics, std::less<>>;

// Errors: DATA_LOSS naming the key and what was expected.
Result<NormStats> ParseNormStats(std::string_view json);

// Errors: those of ReadFile; DATA_LOSS naming file and key.
Result<NormStats> ReadNormStats(const std::string& path);

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_NORM_STATS_H_
