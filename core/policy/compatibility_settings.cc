#include "core/policy/compatibility_settings.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "core/models/openpi/norm_stats.h"
#include "core/policy/robot.h"
#include "core/policy/statistics.h"

namespace midstream::policy {
namespace {

using config::Robot;
using openpi::Family;

class Comparison {
 public:
  Comparison(const Config& config, Report* report) : config_(config), report_(*report) {}

  void Run(const std::string& checkpoint) {
    Settle();
    CompareStatistics(ReadStatistics(checkpoint));
  }

 private:
  void Settle() {
    auto settings = ResolveSettings(config_.policy, report_.sizes->family);
    if (!settings.ok()) {
      report_.obstacles.emplace_back(settings.status().message());
      return;
    }
    for (const Status& open :
         {NeedHorizon(*settings), NeedMaxTokenLen(*settings), NeedRobot(*settings)}) {
      if (!open.ok()) report_.to_be_told.emplace_back(open.message());
    }
    if (config_.policy.tokenizer.empty()) {
      report_.to_be_told.emplace_back(
          "policy.tokenizer is not set: give --tokenizer with PaliGemma's SentencePiece model");
    }
    if (report_.sizes->family == Family::kPi0Fast && config_.policy.fast_tokenizer.empty()) {
      report_.to_be_told.emplace_back(
          "policy.fast_tokenizer is not set: give --fast-tokenizer with the folder of the FAST "
          "action tokenizer, or replies are tokens");
    }
    report_.settings = *std::move(settings);
  }

  // What is missing can be told; what is there and is wrong is in the way, as when it is run.
  std::optional<openpi::NormStats> ReadStatistics(const std::string& checkpoint) {
    const Settings settings = report_.settings.value_or(Settings());
    const auto path = StatisticsPath(settings, config_, checkpoint);
    auto stats =
        path.ok() ? openpi::ReadNormStats(*path) : Result<openpi::NormStats>(path.status());
    if (!stats.ok()) {
      Unusable(stats.status(), path.ok() && stats.status().code() != Code::kNotFound);
      return std::nullopt;
    }
    report_.statistics_path = *path;
    for (const auto& [key, entry] : *stats) {
      const bool percentiles = entry.q01.has_value() && entry.q99.has_value();
      report_.statistics.push_back({key, entry.mean.size(), percentiles});
    }
    return *std::move(stats);
  }

  void CompareStatistics(const std::optional<openpi::NormStats>& stats) {
    if (!report_.settings) return;
    const auto state = stats ? Normalizes(*stats, "state") : std::nullopt;
    const auto actions = stats ? Normalizes(*stats, "actions") : std::nullopt;
    if (state) CompareState(*state);
    CompareActions(actions.value_or(0));
  }

  void Unusable(const Status& status, bool damaged) {
    if (damaged) {
      report_.obstacles.emplace_back(status.message());
      report_.verdict = Verdict::kDamaged;
    } else {
      report_.to_be_told.push_back("statistics: " + std::string(status.message()));
    }
  }

  // How many numbers they normalise; none when they cannot.
  std::optional<size_t> Normalizes(const openpi::NormStats& stats, std::string_view key) {
    const auto normalizer = MakeNormalizer(stats, key, *report_.settings);
    if (normalizer.ok()) return normalizer->size();
    Unusable(normalizer.status().WithContext(report_.statistics_path),
             normalizer.status().code() != Code::kNotFound);
    return std::nullopt;
  }

  // LIBERO's transform takes any state; LIBERO itself has this one.
  static constexpr size_t kLiberoState = 8;

  void CompareState(size_t has) {
    const int64_t dim = report_.sizes->action_dim;
    const Robot robot = report_.settings->robot.robot;
    const bool libero = robot == Robot::kLibero;
    const size_t used = libero ? kLiberoState : static_cast<size_t>(StateSize(robot));
    Status fits = CheckStateStatistics(has, dim);
    if (fits.ok() && used != 0 && !libero) fits = CheckState(used, has, dim);
    if (!fits.ok()) {
      report_.obstacles.emplace_back(fits.message());
    } else if (used != 0 && !CheckState(used, has, dim).ok()) {
      report_.to_be_told.push_back(
          fmt::format("statistics: {} is for states of {} numbers, those of LIBERO have {}",
                      report_.statistics_path, has, used));
    } else if (used != 0 && has != used) {
      report_.adaptations.push_back(
          fmt::format("the first {} of {} statistics of 'state' are used", used, has));
    }
  }

  void CompareActions(size_t has) {
    const Settings& settings = *report_.settings;
    const int64_t dim = report_.sizes->action_dim;
    const Status fits = dim == 0 ? OkStatus() : CheckActions(settings, has, dim);
    const auto used = static_cast<size_t>(ActionSize(settings.robot));
    if (!fits.ok()) {
      report_.obstacles.emplace_back(fits.message());
    } else if (has > used && used != 0) {
      report_.adaptations.push_back(
          fmt::format("the first {} of {} statistics of 'actions' are used", used, has));
    } else if (has != 0 && has < used) {
      report_.adaptations.push_back(fmt::format(
          "the numbers of an action beyond the {} that have statistics stay as they are", has));
    }
  }

  const Config& config_;
  Report& report_;
};

}  // namespace

void CompareSettings(const Config& config, const std::string& checkpoint, Report* report) {
  Comparison(config, report).Run(checkpoint);
}

}  // namespace midstream::policy
