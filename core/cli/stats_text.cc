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

std::string Number(double value) { return fmt::format("{:.{}f}", value, value < 100 ? 1 : 0); }

// Values in `unit` nanoseconds, or plain ones.
void AddRow(const char* name, const Histogram::Snapshot& values, double unit, Table* table) {
  if (values.count == 0) return;
  std::vector<std::string> row = {name, Number(values.mean() / unit)};
  for (const double q : {0.5, 0.9, 0.99, 0.999, 1.0}) {
    row.push_back(Number(static_cast<double>(values.Quantile(q)) / unit));
  }
  row.push_back(Grouped(values.count));
  table->Add(std::move(row));
}

}  // namespace

std::string StatsText(const SessionStats& stats) {
  std::string text = fmt::format(
      "requests\n"
      "  submitted {}, completed {}, failed {}, cancelled {}, expired {}, refused {}\n"
      "  now queued {} with {} bytes, executing {}\n",
      Grouped(stats.submitted), Grouped(stats.completed), Grouped(stats.failed),
      Grouped(stats.cancelled), Grouped(stats.expired), Grouped(stats.refused), stats.queued,
      Grouped(stats.queued_bytes), stats.executing);
  if (stats.transfers > 0) {
    text += fmt::format("  {} transfers: {} bytes to devices, {} back\n", Grouped(stats.transfers),
                        Grouped(stats.to_device_bytes), Grouped(stats.from_device_bytes));
  }
  if (stats.latency_ns.count == 0) return text;
  Table table("lrrrrrrr");
  table.Add({"", "mean", "p50", "p90", "p99", "p99.9", "max", "times"});
  AddRow("waiting us", stats.queue_wait_ns, 1e3, &table);
  AddRow("executing us", stats.execution_ns, 1e3, &table);
  AddRow("both us", stats.latency_ns, 1e3, &table);
  AddRow("rows of a batch", stats.batch_rows, 1, &table);
  return text + table.ToString();
}

Json StatsJson(const SessionStats& stats) { return Json::parse(stats.ToJson()); }

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

Json StatsJson(const ModelStats& stats) { return Json::parse(stats.ToJson()); }

void AddStats(CLI::App& command, bool* stats) {
  command.add_flag("--stats", *stats,
                   "Print statistics of weights and requests to stderr at the end");
}

void PrintStats(const Model& model, const Session& session, bool json) {
  const ModelStats weights = model.stats();
  const SessionStats requests = session.stats();
  std::string text = StatsText(weights) + StatsText(requests);
  if (json) {
    const Json document = {{"weights", StatsJson(weights)}, {"requests", StatsJson(requests)}};
    text = document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace midstream::cli
