#include "core/cli/stats_text.h"

#include <fmt/format.h>

#include <cstdio>

#include "core/cli/table.h"

namespace midstream::cli {
namespace {

std::string Duration(uint64_t nanoseconds) {
  const auto value = static_cast<double>(nanoseconds);
  if (value < 1e6) return fmt::format("{:.1f} us", value * 1e-3);
  if (value < 1e9) return fmt::format("{:.1f} ms", value * 1e-6);
  return fmt::format("{:.1f} s", value * 1e-9);
}

}  // namespace

std::string StatsText(const ModelStats& stats) {
  std::string text = fmt::format(
      "weights\n"
      "  version {}, current for {}; newest {}, lag {}, staged {}\n"
      "  commits {}, rollbacks {}\n"
      "  {} bytes, at most {} so far",
      stats.version, Duration(stats.age_ns), stats.newest_version, stats.lag, stats.staged,
      Grouped(stats.commits), Grouped(stats.rollbacks), Grouped(stats.bytes),
      Grouped(stats.peak_bytes));
  if (stats.limit_bytes > 0) text += fmt::format(", limit {}", Grouped(stats.limit_bytes));
  text += "\n";
  for (const auto& [reason, count] : stats.rejected) {
    text += fmt::format("  rejected, {}: {}\n", reason, Grouped(count));
  }
  Table table("rrrl");
  table.Add({"version", "bytes", "pins", ""});
  for (const VersionStats& version : stats.versions) {
    table.Add({std::to_string(version.version), Grouped(version.bytes), Grouped(version.pins),
               version.kept ? "kept" : ""});
  }
  return text + table.ToString();
}

Json StatsJson(const ModelStats& stats) {
  Json versions = Json::array();
  for (const VersionStats& version : stats.versions) {
    versions.push_back({{"version", version.version},
                        {"bytes", version.bytes},
                        {"pins", version.pins},
                        {"kept", version.kept}});
  }
  return {{"version", stats.version},
          {"age_ns", stats.age_ns},
          {"newest_version", stats.newest_version},
          {"lag", stats.lag},
          {"staged", stats.staged},
          {"commits", stats.commits},
          {"rollbacks", stats.rollbacks},
          {"rejected", Json(stats.rejected)},
          {"versions", versions},
          {"bytes", stats.bytes},
          {"peak_bytes", stats.peak_bytes},
          {"limit_bytes", stats.limit_bytes}};
}

void AddStats(CLI::App& command, bool* stats) {
  command.add_flag("--stats", *stats,
                   "Print statistics of weights and requests to stderr at the end");
}

void PrintStats(const Model& model, bool json) {
  const ModelStats weights = model.stats();
  std::string text = StatsText(weights);
  if (json) {
    const Json document = {{"weights", StatsJson(weights)}};
    text = document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace midstream::cli
