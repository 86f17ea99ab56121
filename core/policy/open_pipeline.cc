#include "core/policy/open_pipeline.h"

#include <filesystem>
#include <utility>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/models/openpi/norm_stats.h"
#include "core/policy/assets.h"

namespace midstream::policy {
namespace {

// A path of the configuration is seen from the file that holds it, one of the command line from the
// working directory.
std::string PathOf(const Config& config, std::string_view key, const std::string& path) {
  const config::Origin& origin = config.origin(key);
  if (origin.source != config::Origin::Source::kFile) return path;
  return (std::filesystem::path(origin.file).parent_path() / path).string();
}

Result<Normalizer> MakeNormalizer(const openpi::NormStats& stats, std::string_view key,
                                  bool percentiles) {
  const auto found = stats.find(key);
  if (found == stats.end()) {
    return InvalidArgument("has no statistics of " + formats::Quoted(key));
  }
  const openpi::Statistics& statistics = found->second;
  Result<Normalizer> normalizer = InvalidArgument(
      "has no percentiles, q01 and q99: this model is normalised with them, unless "
      "policy.normalization "
      "is \"z_score\"");
  if (!percentiles) {
    normalizer = Normalizer::FromMeanAndDeviation(statistics.mean, statistics.deviation);
  } else if (statistics.q01.has_value() && statistics.q99.has_value()) {
    normalizer = Normalizer::FromPercentiles(*statistics.q01, *statistics.q99);
  }
  if (normalizer.ok()) return normalizer;
  return normalizer.status().WithContext(formats::Quoted(key));
}

}  // namespace

Status NeedPipeline(const Settings& settings, const Config& config) {
  MS_RETURN_IF_ERROR(NeedRobot(settings));
  MS_RETURN_IF_ERROR(NeedMaxTokenLen(settings));
  if (!config.policy.tokenizer.empty()) return OkStatus();
  return InvalidArgument(
      "policy.tokenizer is not set and no checkpoint holds it: give --tokenizer "
      "paligemma_tokenizer.model, which OpenPI downloads to ~/.cache/openpi/big_vision/");
}

Result<Pipeline> OpenPipeline(const Settings& settings, const Config& config,
                              const std::string& checkpoint, const openpi::Sizes& sizes) {
  const config::PolicyConfig& policy = config.policy;
  std::string path = PathOf(config, "policy.norm_stats", policy.norm_stats);
  if (policy.norm_stats.empty()) {
    MS_ASSIGN_OR_RETURN(path, FindNormStats(checkpoint, settings.asset_id));
  }
  MS_ASSIGN_OR_RETURN(const openpi::NormStats stats, openpi::ReadNormStats(path));
  Result<Normalizer> state = MakeNormalizer(stats, "state", settings.percentiles);
  if (!state.ok()) return state.status().WithContext(path);
  Result<Normalizer> actions = MakeNormalizer(stats, "actions", settings.percentiles);
  if (!actions.ok()) return actions.status().WithContext(path);
  MS_ASSIGN_OR_RETURN(Tokenizer tokenizer,
                      Tokenizer::Open(PathOf(config, "policy.tokenizer", policy.tokenizer)));
  return Pipeline::Create(settings, sizes, *std::move(state), *std::move(actions),
                          std::move(tokenizer));
}

}  // namespace midstream::policy
