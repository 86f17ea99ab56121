#include "core/policy/statistics.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/formats/file.h"
#include "core/policy/assets.h"

namespace midstream::policy {

std::string PathOf(const Config& config, std::string_view key, const std::string& path) {
  const config::Origin& origin = config.origin(key);
  if (origin.source != config::Origin::Source::kFile) return path;
  return (std::filesystem::path(origin.file).parent_path() / path).string();
}

Result<std::string> StatisticsPath(const Settings& settings, const Config& config,
                                   const std::string& checkpoint) {
  const std::string& named = config.policy.norm_stats;
  if (named.empty()) return FindNormStats(checkpoint, settings.asset_id);
  return PathOf(config, "policy.norm_stats", named);
}

Result<Normalizer> MakeNormalizer(const openpi::NormStats& stats, std::string_view key,
                                  const Settings& settings) {
  const auto found = stats.find(key);
  if (found == stats.end()) return NotFound("has no statistics of " + formats::Quoted(key));
  const openpi::Statistics& statistics = found->second;
  Result<Normalizer> normalizer = NotFound(
      "has no percentiles, q01 and q99: this model is normalised with them, unless "
      "policy.normalization is \"z_score\"");
  if (!settings.percentiles) {
    normalizer = Normalizer::FromMeanAndDeviation(statistics.mean, statistics.deviation);
  } else if (statistics.q01.has_value() && statistics.q99.has_value()) {
    normalizer = Normalizer::FromPercentiles(*statistics.q01, *statistics.q99);
  }
  if (normalizer.ok()) return normalizer;
  return normalizer.status().WithContext(formats::Quoted(key));
}

Status CheckActions(const Settings& settings, size_t statistics, int64_t action_dim) {
  const auto size = static_cast<size_t>(action_dim);
  if (statistics > size) {
    return InvalidArgument(
        fmt::format("norm_stats has {} numbers for 'actions', those of the model have {}",
                    statistics, action_dim));
  }
  if (settings.delta_mask.size() > size) {
    return InvalidArgument(
        fmt::format("policy.delta_mask is for {} numbers of an action, those of the model have {}",
                    settings.delta_mask.size(), action_dim));
  }
  const int64_t needed = ActionSize(settings.robot);
  if (action_dim < needed) {
    return InvalidArgument(fmt::format(
        "the robot takes actions of {} numbers, those of the model have {}", needed, action_dim));
  }
  return OkStatus();
}

Status CheckStateStatistics(size_t statistics, int64_t action_dim) {
  if (action_dim == 0 || static_cast<int64_t>(statistics) <= action_dim) return OkStatus();
  return InvalidArgument(fmt::format("norm_stats has {} numbers for 'state', the model takes {}",
                                     statistics, action_dim));
}

Status CheckState(size_t state, size_t statistics, int64_t action_dim) {
  const bool padded = action_dim == 0 || static_cast<int64_t>(statistics) == action_dim;
  if (state == statistics || (state < statistics && padded)) return OkStatus();
  return InvalidArgument(fmt::format(
      "the observation's state has {} numbers, norm_stats expects {}", state, statistics));
}

}  // namespace midstream::policy
