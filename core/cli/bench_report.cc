#include "core/cli/bench_report.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "core/cli/table.h"
#include "core/measure/series.h"

namespace midstream::cli {
namespace {

using measure::LoadResult;
using measure::Slice;
using measure::SliceKind;
using measure::SliceSum;

struct Quantile {
  const char* name;
  const char* key;  // in JSON
  double q;
};
constexpr Quantile kQuantiles[] = {{"p50", "p50", 0.5},
                                   {"p90", "p90", 0.9},
                                   {"p99", "p99", 0.99},
                                   {"p99.9", "p999", 0.999},
                                   {"max", "max", 1}};
constexpr size_t kSeriesBins = 300;
constexpr size_t kMaxCommitsShown = 10000;

using Rows = std::vector<std::vector<std::string>>;  // the first one is the head

std::string Microseconds(uint64_t nanoseconds) {
  const double us = static_cast<double>(nanoseconds) * 1e-3;
  return us < 100 ? fmt::format("{:.2f}", us) : fmt::format("{:.0f}", us);
}

std::string Ratio(uint64_t value, uint64_t to) {
  if (to == 0) return "";
  return fmt::format("{:.2f}", static_cast<double>(value) / static_cast<double>(to));
}

std::vector<std::string> Head(std::string first, std::initializer_list<const char*> others) {
  std::vector<std::string> head = {std::move(first)};
  for (const Quantile& quantile : kQuantiles) head.push_back(fmt::format("{} us", quantile.name));
  head.insert(head.end(), others.begin(), others.end());
  return head;
}

void AddQuantiles(const Histogram::Snapshot& values, std::vector<std::string>* row) {
  for (const Quantile& quantile : kQuantiles) {
    row->push_back(Microseconds(values.Quantile(quantile.q)));
  }
}

void AddRatios(std::string name, const Histogram::Snapshot& values, const Histogram::Snapshot& to,
               Rows* rows) {
  std::vector<std::string> row = {std::move(name)};
  for (const Quantile& quantile : kQuantiles) {
    row.push_back(Ratio(values.Quantile(quantile.q), to.Quantile(quantile.q)));
  }
  rows->push_back(std::move(row));
}

Rows LatencyRows(const BenchReport& report) {
  Rows rows = {Head("latency", {"requests", "per s", "failed", "unsent", "torn"})};
  const Histogram::Snapshot& quiet = report.result[SliceKind::kQuiet].load.latency_ns;
  for (const SliceKind kind : {SliceKind::kQuiet, SliceKind::kUpdates, SliceKind::kMemcpy}) {
    const LoadResult& load = report.result[kind].load;
    if (kind != SliceKind::kQuiet && !report.updates) continue;
    std::vector<std::string> row = {std::string(SliceKindName(kind))};
    AddQuantiles(load.latency_ns, &row);
    const std::string torn = report.unchecked.empty() ? Grouped(load.torn) : "-";
    for (std::string cell : {Grouped(load.answered), fmt::format("{:.0f}", load.throughput()),
                             Grouped(load.failed), Grouped(load.unsent), torn}) {
      row.push_back(std::move(cell));
    }
    rows.push_back(std::move(row));
    if (kind == SliceKind::kQuiet) continue;
    AddRatios(fmt::format("{} / quiet", SliceKindName(kind)), load.latency_ns, quiet, &rows);
  }
  return rows;
}

Rows UpdateRows(const BenchReport& report) {
  Rows rows = {Head("trainer", {"times", "per s", "failed"})};
  const auto add = [&](const char* name, const Histogram::Snapshot& times,
                       const measure::UpdateResult& of) {
    if (times.max == 0) return;
    std::vector<std::string> row = {name};
    AddQuantiles(times, &row);
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
  AddRatios("stage / memcpy", update.stage_ns, copy.stage_ns, &rows);
  return rows;
}

std::string TextTable(const Rows& rows) {
  Table table("l" + std::string(rows.front().size() - 1, 'r'));
  for (const auto& row : rows) table.Add(row);
  return table.ToString();
}

std::string MarkdownTable(const Rows& rows) {
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

std::vector<std::string> Remarks(const BenchReport& report) {
  std::vector<std::string> remarks;
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

Json HistogramJson(const Histogram::Snapshot& snapshot) {
  return {{"count", snapshot.count},
          {"mean", snapshot.mean()},
          {"min", snapshot.min},
          {"p50", snapshot.Quantile(0.5)},
          {"p90", snapshot.Quantile(0.9)},
          {"p99", snapshot.Quantile(0.99)},
          {"p999", snapshot.Quantile(0.999)},
          {"max", snapshot.max}};
}

Json ToJson(const LoadResult& load, const measure::UpdateResult& update, SliceKind kind,
            bool checked) {
  Json json = {{"kind", SliceKindName(kind)}, {"seconds", load.seconds},
               {"answered", load.answered},   {"requests_per_second", load.throughput()},
               {"failed", load.failed},       {"unsent", load.unsent}};
  if (checked) json["torn"] = load.torn;
  json["latency_ns"] = HistogramJson(load.latency_ns);
  if (kind == SliceKind::kQuiet) return json;
  const bool copies = kind == SliceKind::kMemcpy;
  Json changes = {{"count", update.updates},
                  {"per_second", update.rate()},
                  {"failed", update.failed},
                  {copies ? "memcpy_ns" : "stage_ns", HistogramJson(update.stage_ns)}};
  if (!copies) changes["commit_ns"] = HistogramJson(update.commit_ns);
  json[copies ? "copies" : "updates"] = std::move(changes);
  return json;
}

Json RatioJson(const Histogram::Snapshot& values, const Histogram::Snapshot& to) {
  Json json = Json::object();
  for (const Quantile& quantile : kQuantiles) {
    const auto base = static_cast<double>(to.Quantile(quantile.q));
    if (base > 0) json[quantile.key] = static_cast<double>(values.Quantile(quantile.q)) / base;
  }
  return json;
}

// Seconds since the first slice began.
Json SeriesJson(const BenchReport& report) {
  const measure::LiveUpdateResult& result = report.result;
  std::vector<measure::RequestSample> samples;
  for (const SliceSum& sum : result.sums) {
    samples.insert(samples.end(), sum.load.samples.begin(), sum.load.samples.end());
  }
  const auto seconds = [&](uint64_t at_ns) {
    return static_cast<double>(static_cast<int64_t>(at_ns - result.start_ns)) * 1e-9;
  };
  Json series = Json::array();
  for (const measure::SeriesBin& bin :
       measure::MakeSeries(samples, result.start_ns, result.slices.back().end_ns, kSeriesBins)) {
    series.push_back({{"at", seconds(bin.at_ns)},
                      {"count", bin.count},
                      {"p50_ns", bin.p50_ns},
                      {"p99_ns", bin.p99_ns},
                      {"max_ns", bin.max_ns}});
  }
  Json commits = Json::array();
  for (const uint64_t at_ns : result[SliceKind::kUpdates].update.commits_at_ns) {
    if (commits.size() == kMaxCommitsShown) break;
    commits.push_back(seconds(at_ns));
  }
  return {{"latency", series}, {"commits", commits}};
}

Json EnvironmentJson(const BenchReport& report) {
  const measure::Environment& environment = report.environment;
  return {{"midstream", report.version},      {"cpu", environment.cpu},
          {"cores", environment.cores},       {"system", environment.system},
          {"compiler", environment.compiler}, {"load_average", environment.load_average},
          {"backend", report.backend},        {"threads", report.threads}};
}

}  // namespace

std::vector<std::string> BenchReport::Head() const {
  const std::string name = std::filesystem::path(model).filename().string();
  const std::string load =
      rate > 0 ? fmt::format("{:g} requests/s ({})", rate, distribution)
               : fmt::format("{} client{} in a closed loop", clients, clients == 1 ? "" : "s");
  std::vector<std::string> lines = {
      fmt::format("{} on {}, batch {}, {}", name, backend, batch, load)};
  if (updates) {
    lines.push_back(fmt::format(
        "{} bytes in {} tensors, {}", Grouped(weight_bytes), tensors,
        update_rate > 0 ? fmt::format("{:g} updates/s", update_rate) : "updated back to back"));
  }
  lines.push_back(fmt::format("{}, {} core{}, execution.threads {}, midstream {}", environment.cpu,
                              environment.cores, environment.cores == 1 ? "" : "s", threads,
                              version));
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

Json ToJson(const BenchReport& report) {
  const measure::LiveUpdateResult& result = report.result;
  const bool checked = report.updates && report.unchecked.empty();
  Json json = {{"model", report.model},
               {"environment", EnvironmentJson(report)},
               {"load",
                {{"batch", report.batch},
                 {"rate", report.rate},
                 {"clients", report.clients},
                 {"request_distribution", report.distribution},
                 {"duration", report.duration},
                 {"seed", report.seed}}}};
  if (report.updates) {
    json["trainer"] = {
        {"rate", report.update_rate}, {"bytes", report.weight_bytes}, {"tensors", report.tensors}};
  }
  for (size_t kind = 0; kind < (report.updates ? measure::kSliceKinds : 1); ++kind) {
    const auto slice_kind = static_cast<SliceKind>(kind);
    const SliceSum& sum = result.sums[kind];
    json[SliceKindName(slice_kind)] = ToJson(sum.load, sum.update, slice_kind, checked);
  }
  if (report.updates) {
    const SliceSum &quiet = result[SliceKind::kQuiet], &updates = result[SliceKind::kUpdates],
                   &copies = result[SliceKind::kMemcpy];
    json["ratios"] = {
        {"updates_to_quiet", RatioJson(updates.load.latency_ns, quiet.load.latency_ns)},
        {"memcpy_to_quiet", RatioJson(copies.load.latency_ns, quiet.load.latency_ns)},
        {"stage_to_memcpy", RatioJson(updates.update.stage_ns, copies.update.stage_ns)}};
  }
  json["slices"] = Json::array();
  for (const Slice& slice : result.slices) {
    json["slices"].push_back(ToJson(slice.load, slice.update, slice.kind, checked));
  }
  json["series"] = SeriesJson(report);
  return json;
}

}  // namespace midstream::cli
