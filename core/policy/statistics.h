// Statistics: which norm_stats.json a policy is normalised with, and whether it can be.
//
// Both who runs a checkpoint and who tells whether it would run ask here, so that they agree.
// Threads: any.
#ifndef MIDSTREAM_CORE_POLICY_STATISTICS_H_
#define MIDSTREAM_CORE_POLICY_STATISTICS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/models/openpi/norm_stats.h"
#include "core/policy/normalizer.h"
#include "core/policy/settings.h"

namespace midstream::policy {

// A path of the configuration is seen from the file that holds it, one of the command line from the
// working directory.
std::string PathOf(const Config& config, std::string_view key, const std::string& path);

// The path of the norm_stats.json that the configuration names, or else of the one beside the
// checkpoint. Errors: those of FindNormStats.
Result<std::string> StatisticsPath(const Settings& settings, const Config& config,
                                   const std::string& checkpoint);

// key: "state" or "actions". Errors: NOT_FOUND when the statistics lack it, or the percentiles that
// the settings ask for; INVALID_ARGUMENT when they are no statistics.
Result<Normalizer> MakeNormalizer(const openpi::NormStats& stats, std::string_view key,
                                  const Settings& settings);

// Whether actions of action_dim numbers can become the robot's with `statistics` numbers of them.
// Errors: INVALID_ARGUMENT.
Status CheckActions(const Settings& settings, size_t statistics, int64_t action_dim);

// Whether a state fits a model that takes action_dim numbers of it (0: any), with `statistics` numbers
// of it. The first numbers of statistics that are those of a padded state, as openpi once wrote them,
// are used. Errors: INVALID_ARGUMENT.
Status CheckStateStatistics(size_t statistics, int64_t action_dim);
Status CheckState(size_t state, size_t statistics, int64_t action_dim);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_STATISTICS_H_
