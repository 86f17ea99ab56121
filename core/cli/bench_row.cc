#include "core/cli/bench_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/cli/table.h"

namespace midstream::cli {
namespace {

using measure::LoadResult;
using measure::SliceKind;

// Columns that say what was measured, and those that say where. All others were found.
constexpr std::string_view kAsked[] = {
    "model",        "config",    "backend",     "device", "precision",    "threads",
    "streams",      "instances", "batch",       "shapes", "clients",      "rate",
    "distribution", "slice",     "update_rate", "seed",   "threshold_ms", "threshold_percentile"};
constexpr std::string_view kWhere[] = {"midstream", "commit", "build",    "cpu",          "cores",
                                       "governor",  "system", "compiler", "load_average", "date"};
// Found, but for files only: the table of a terminal has only so many columns.
constexpr std::string_view kForFiles[] = {"seconds", "p50_low_us",    "p50_high_us",
                                          "mean_us", "min_us",        "unsent",
                                          "torn",    "update_failed", "weight_bytes"};

template <size_t N>
bool Contains(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// Nanoseconds as microseconds to the nanosecond; null for what is not a number.
Json Microseconds(double nanoseconds) {
  return std::isnan(nanoseconds) ? Json() : Json(std::round(nanoseconds) / 1e3);
}

void AddAsked(const BenchReport& report, SliceKind kind, Json* row) {
  (*row)["model"] = report.model;
  row->update(SetupJson(report));
  row->update({{"batch", report.one.batch},
               {"shapes", report.one.ShapesText()},
               {"clients", report.open_loop() ? Json() : Json(report.one.clients)},
               {"rate", report.open_loop() ? Json(report.one.rate) : Json()},
               {"distribution", report.open_loop() ? Json(report.distribution) : Json()},
               {"slice", measure::SliceKindName(kind)},
               {"update_rate", !report.updates          ? Json()
                               : report.update_rate > 0 ? Json(report.update_rate)
                                                        : Json("max")},
               {"seed", report.seed}});
}

void AddLatency(const BenchReport& report, SliceKind kind, Json* row) {
  const LoadResult& load = report.result[kind].load;
  std::vector<double> qs;
  for (const double percentile : report.percentiles) qs.push_back(percentile / 100);
  const std::vector<double> quantiles = load.LatencyQuantiles(qs);
  for (size_t i = 0; i < qs.size(); ++i) {
    (*row)[PercentileName(report.percentiles[i]) + "_us"] = Microseconds(quantiles[i]);
  }
  const bool any = load.answered > 0;
  const measure::Interval median = report.Median(kind);
  row->update({{"max_us", Microseconds(load.LatencyQuantile(1))},
               {"min_us", Microseconds(load.LatencyQuantile(0))},
               {"mean_us", any ? Microseconds(load.latency_ns.mean()) : Json()},
               {"p50_low_us", Microseconds(median.low)},
               {"p50_high_us", Microseconds(median.high)}});
}

void AddUpdates(const BenchReport& report, SliceKind kind, Json* row) {
  const measure::UpdateResult& update = report.result[kind].update;
  const auto p50 = [&](const Histogram::Snapshot& times) {
    return times.count == 0 ? Json() : Microseconds(static_cast<double>(times.Quantile(0.5)));
  };
  row->update({{"updates", update.updates},
               {"updates_per_s", update.rate()},
               {"update_failed", update.failed},
               {"stage_p50_us", p50(update.stage_ns)},
               {"commit_p50_us", kind == SliceKind::kUpdates ? p50(update.commit_ns) : Json()},
               {"weight_bytes", report.weight_bytes}});
}

std::string CsvCell(const Json& value) {
  if (value.is_null()) return "";
  if (!value.is_string()) return value.dump();
  std::string text = value.get<std::string>();
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  for (size_t at = text.find('"'); at != std::string::npos; at = text.find('"', at + 2)) {
    text.insert(at, 1, '"');
  }
  return '"' + text + '"';
}

std::string TableCell(const std::string& name, const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_unsigned()) return Grouped(value.get<uint64_t>());
  if (value.is_number_integer()) return fmt::format("{}", value.get<int64_t>());
  const auto number = value.get<double>();
  if (name.ends_with("_per_s")) return fmt::format("{:.{}f}", number, number < 100 ? 1 : 0);
  if (name.ends_with("_us")) return fmt::format("{:.{}f}", number, number < 100 ? 2 : 0);
  return fmt::format("{:g}", number);
}

std::string Title(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

bool Differs(const std::vector<Json>& rows, const std::string& name) {
  return std::any_of(rows.begin(), rows.end(),
                     [&](const Json& row) { return row[name] != rows.front()[name]; });
}

// "backend cpu_blas, threads 2", of the columns that all rows share.
std::string Shared(const std::vector<Json>& rows, bool (*wanted)(const std::string&)) {
  std::string text;
  for (const auto& [name, value] : rows.front().items()) {
    if (!wanted(name) || value.is_null() || value == "" || Differs(rows, name)) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", Title(name), TableCell(name, value));
  }
  return text;
}

}  // namespace

std::vector<Json> RowsOf(const BenchReport& report) {
  std::vector<Json> rows;
  for (const SliceKind kind : report.kinds()) {
    const LoadResult& load = report.result[kind].load;
    Json row = Json::object();
    AddAsked(report, kind, &row);
    row.update({{"seconds", load.seconds},
                {"requests", load.answered},
                {"failed", load.failed},
                {"unsent", load.unsent},
                {"torn", report.unchecked.empty() ? Json(load.torn) : Json()},
                {"requests_per_s", load.throughput()},
                {"items_per_s", load.throughput() * static_cast<double>(report.items)}});
    AddLatency(report, kind, &row);
    if (report.updates) AddUpdates(report, kind, &row);
    if (report.threshold) {
      row.update({{"threshold_ms", report.threshold->milliseconds},
                  {"threshold_percentile", report.threshold->percentile},
                  {"held", report.threshold->held},
                  {"best", false}});
    }
    row.update(MachineJson(report));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string CsvHead(const Json& row) {
  std::string line;
  for (const auto& [name, value] : row.items()) line += (line.empty() ? "" : ",") + CsvCell(name);
  return line;
}

std::string CsvLine(const Json& row) {
  std::string line;
  bool first = true;
  for (const auto& [name, value] : row.items()) {
    line += (first ? "" : ",") + CsvCell(value);
    first = false;
  }
  return line;
}

std::string RowTable(const std::vector<Json>& rows, bool markdown) {
  const auto asked = [](const std::string& name) { return Contains(kAsked, name); };
  const auto where = [](const std::string& name) { return Contains(kWhere, name); };
  std::vector<std::string> names;
  for (const auto& [name, value] : rows.front().items()) {
    const bool found = !asked(name) && !where(name) && !Contains(kForFiles, name);
    if (found || (asked(name) && Differs(rows, name))) names.push_back(name);
  }
  std::vector<std::vector<std::string>> cells(1);
  std::string alignment;
  for (const std::string& name : names) {
    cells.front().push_back(Title(name));
    const bool text = std::any_of(rows.begin(), rows.end(),
                                  [&](const Json& row) { return row[name].is_string(); });
    alignment += text ? 'l' : 'r';
  }
  for (const Json& row : rows) {
    cells.emplace_back();
    for (const std::string& name : names) cells.back().push_back(TableCell(name, row[name]));
  }
  const char* end = markdown ? "  \n" : "\n";
  const std::string head = Shared(rows, asked) + end + Shared(rows, where) + end + "\n";
  if (markdown) return head + MarkdownTable(cells);
  Table table(alignment);
  for (const auto& line : cells) table.Add(line);
  return head + table.ToString();
}

}  // namespace midstream::cli
