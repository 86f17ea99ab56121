#include "core/policy/open_pipeline.h"

#include <optional>
#include <utility>

#include "core/models/openpi/norm_stats.h"
#include "core/policy/statistics.h"

namespace midstream::policy {
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
  MS_ASSIGN_OR_RETURN(const std::string path, StatisticsPath(settings, config, checkpoint));
  MS_ASSIGN_OR_RETURN(const openpi::NormStats stats, openpi::ReadNormStats(path));
  Result<Normalizer> state = MakeNormalizer(stats, "state", settings);
  if (!state.ok()) return state.status().WithContext(path);
  Result<Normalizer> actions = MakeNormalizer(stats, "actions", settings);
  if (!actions.ok()) return actions.status().WithContext(path);
  MS_ASSIGN_OR_RETURN(Tokenizer tokenizer,
                      Tokenizer::Open(PathOf(config, "policy.tokenizer", config.policy.tokenizer)));
  std::optional<FastTokenizer> fast;
  if (sizes.family == openpi::Family::kPi0Fast && !config.policy.fast_tokenizer.empty()) {
    MS_ASSIGN_OR_RETURN(fast, FastTokenizer::Open(PathOf(config, "policy.fast_tokenizer",
                                                         config.policy.fast_tokenizer)));
  }
  return Pipeline::Create(settings, sizes, *std::move(state), *std::move(actions),
                          std::move(tokenizer), std::move(fast));
}

}  // namespace midstream::policy
