#include "core/cli/bench_report.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <utility>

#include "core/cli/table.h"

namespace midstream::cli {
namespace {

using measure::LoadResult;
using measure::SliceKind;
using measure::SliceSum;

using Rows = std::vector<std::vector<std::string>>;  // the first one is the head

std::string Microseconds(double nanoseconds) {
  if (std::isnan(nanoseconds)) return "-";
  const double us = nanoseconds * 1e-3;
  return us < 100 ? fmt::format("{:.2f}", us) : fmt::format("{:.0f}", us);
}

std::string Ratio(double value, double to) {
  return value > 0 && to > 0 ? fmt::format("{:.2f}", value / to) : "";
}

// The columns of a table: the percentiles of the report and the maximum.
std::vector<std::string> Head(const BenchReport& report, std::string first,
                              std::initializer_list<const char*> others) {
  std::vector<std::string> head = {std::move(first)};
  for (const double percentile : report.percentiles) {
    head.push_back(PercentileName(percentile) + " us");
  }
  head.emplace_back("max us");
  head.insert(head.end(), others.begin(), others.end());
  return head;
}

std::vector<double> QuantilesOf(const BenchReport& report) {
  std::vector<double> quantiles;
  for (const double percentile : report.percentiles) quantiles.push_back(percentile / 100);
  quantiles.push_back(1);
  return quantiles;
}

std::vector<double> Latencies(const BenchReport& report, SliceKind kind) {
  return report.result[kind].load.LatencyQuantiles(QuantilesOf(report));
}

std::vector<double> Times(const BenchReport& report, const Histogram::Snapshot& times) {
  std::vector<double> values;
  for (const double q : QuantilesOf(report)) {
    values.push_back(static_cast<double>(times.Quantile(q)));
  }
  return values;
}

void AddTimes(const std::vector<double>& times, std::vector<std::string>* row) {
  for (const double time : times) row->push_back(Microseconds(time));
}

void AddRatios(std::string name, const std::vector<double>& times, const std::vector<double>& to,
               Rows* rows) {
  std::vector<std::string> row = {std::move(name)};
  for (size_t i = 0; i < times.size(); ++i) row.push_back(Ratio(times[i], to[i]));
  rows->push_back(std::move(row));
}

Rows LatencyRows(const BenchReport& report) {
  Rows rows = {Head(report, "latency", {"requests", "per s", "failed", "unsent", "torn"})};
  const std::vector<double> quiet = Latencies(report, SliceKind::kQuiet);
  for (const SliceKind kind : report.kinds()) {
    const LoadResult& load = report.result[kind].load;
    const std::vector<double> latencies = Latencies(report, kind);
    std::vector<std::string> row = {std::string(SliceKindName(kind))};
    AddTimes(latencies, &row);
    const std::string torn = report.unchecked.empty() ? Grouped(load.torn) : "-";
    for (std::string cell : {Grouped(load.answered), fmt::format("{:.0f}", load.throughput()),
                             Grouped(load.failed), Grouped(load.unsent), torn}) {
      row.push_back(std::move(cell));
    }
    rows.push_back(std::move(row));
    if (kind == SliceKind::kQuiet) continue;
    AddRatios(fmt::format("{} / quiet", SliceKindName(kind)), latencies, quiet, &rows);
  }
  return rows;
}

Rows UpdateRows(const BenchReport& report) {
  Rows rows = {Head(report, "trainer", {"times", "per s", "failed"})};
  const auto add = [&](const char* name, const Histogram::Snapshot& times,
                       const measure::UpdateResult& of) {
    if (times.max == 0) return;
    std::vector<std::string> row = {name};
    AddTimes(Times(report, times), &row);
    row.push_back(Grouped(of.updates));
    row.push_back(fmt::format("{:.1f}", of.rate()));
    row.push_back(Grouped(of.failed));
    rows.push_back(std::move(row));
  };
  const measure::UpdateResult& update = report.result[SliceKind::kUpdates].update;
  const measure::UpdateResult& copy = report.result[SliceKind::kMemcpy].update;
  add("stage", update.stage_ns, update);
  add("commit", update.commit_ns, update);
  add("memcpy", copy.stage_ns, copy);
  AddRatios("stage / memcpy", Times(report, update.stage_ns), Times(report, copy.stage_ns), &rows);
  return rows;
}

std::string TextTable(const Rows& rows) {
  Table table("l" + std::string(rows.front().size() - 1, 'r'));
  for (const auto& row : rows) table.Add(row);
  return table.ToString();
}

std::vector<std::string> Remarks(const BenchReport& report) {
  std::vector<std::string> remarks;
  for (const SliceKind kind : report.kinds()) {
    const measure::Interval median = report.Median(kind);
    if (std::isnan(median.value) || report.result[kind].medians_ns.size() < 2) continue;
    remarks.push_back(fmt::format("median {}: {} us, 95 % interval {} to {} us of {} {}",
                                  SliceKindName(kind), Microseconds(median.value),
                                  Microseconds(median.low), Microseconds(median.high),
                                  report.result[kind].medians_ns.size(),
                                  report.open_loop() || report.updates ? "slices" : "rounds"));
  }
  if (report.threshold) {
    remarks.push_back(fmt::format("{} {} {:g} ms", PercentileName(report.threshold->percentile),
                                  report.threshold->held ? "is within" : "exceeds",
                                  report.threshold->milliseconds));
  }
  if (report.updates && !report.unchecked.empty()) {
    remarks.push_back("torn answers were not looked for: " + report.unchecked);
  }
  const std::string& error = report.result[SliceKind::kUpdates].update.first_error;
  if (!error.empty()) remarks.push_back("the first update that failed: " + error);
  for (const SliceSum& sum : report.result.sums) {
    if (sum.load.unsent == 0) continue;
    remarks.push_back("unsent: the load was too high to catch up with");
    break;
  }
  return remarks;
}

}  // namespace

std::vector<SliceKind> BenchReport::kinds() const {
  if (!updates) return {SliceKind::kQuiet};
  return {SliceKind::kQuiet, SliceKind::kUpdates, SliceKind::kMemcpy};
}

measure::Interval BenchReport::Median(SliceKind kind) const {
  measure::Interval interval = measure::MedianInterval(result[kind].medians_ns, seed);
  interval.value = result[kind].load.LatencyQuantile(0.5);
  return interval;
}

std::string PercentileName(double percentile) { return fmt::format("p{}", percentile); }

std::string MarkdownTable(const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    for (size_t i = 0; i < rows.front().size(); ++i) {
      text += fmt::format("| {} ", i < row.size() ? row[i] : "");
    }
    text += "|\n";
  };
  add(rows.front());
  for (size_t i = 0; i < rows.front().size(); ++i) text += i == 0 ? "|---" : "|---:";
  text += "|\n";
  for (size_t i = 1; i < rows.size(); ++i) add(rows[i]);
  return text;
}

std::vector<std::string> BenchReport::Head() const {
  const std::string name = std::filesystem::path(model).filename().string();
  const std::string load = open_loop() ? fmt::format("{:g} requests/s ({})", one.rate, distribution)
                                       : fmt::format("{} client{} in a closed loop", one.clients,
                                                     one.clients == 1 ? "" : "s");
  const std::string shapes = one.shapes.empty() ? "" : ", " + one.ShapesText();
  std::vector<std::string> lines = {
      fmt::format("{} on {}, batch {}{}, {}", name, backend, one.batch, shapes, load)};
  if (updates) {
    lines.push_back(fmt::format(
        "{} bytes in {} tensors, {}", Grouped(weight_bytes), tensors,
        update_rate > 0 ? fmt::format("{:g} updates/s", update_rate) : "updated back to back"));
  }
  lines.push_back(fmt::format("{}, {} core{}, execution.threads {}, midstream {} ({}, {})",
                              environment.cpu, environment.cores, environment.cores == 1 ? "" : "s",
                              threads, version, environment.commit, environment.build));
  return lines;
}

std::string ToText(const BenchReport& report) {
  std::string text;
  for (const std::string& line : report.Head()) text += line + "\n";
  text += "\n" + TextTable(LatencyRows(report));
  if (report.updates) text += "\n" + TextTable(UpdateRows(report));
  for (const std::string& remark : Remarks(report)) text += "\n" + remark + "\n";
  return text;
}

std::string ToMarkdown(const BenchReport& report) {
  std::string text;
  for (const std::string& line : report.Head()) text += line + "  \n";
  text += "\n" + MarkdownTable(LatencyRows(report));
  if (report.updates) text += "\n" + MarkdownTable(UpdateRows(report));
  for (const std::string& remark : Remarks(report)) text += "\n" + remark + "\n";
  return text;
}

}  // namespace midstream::cli
