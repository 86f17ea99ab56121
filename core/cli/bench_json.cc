// One run as a JSON document: everything that was found, slice by slice.
#include "core/cli/bench_report.h"
#include "core/measure/series.h"

namespace midstream::cli {
namespace {

using measure::LoadResult;
using measure::Slice;
using measure::SliceKind;
using measure::SliceSum;

constexpr size_t kSeriesBins = 300;
constexpr size_t kMaxCommitsShown = 10000;

// "p999" of 99.9
std::string Key(double percentile) {
  std::string key = PercentileName(percentile);
  std::erase(key, '.');
  return key;
}

Json TimesJson(const Histogram::Snapshot& times, const std::vector<double>& percentiles) {
  Json json = {{"count", times.count}, {"mean", times.mean()}, {"min", times.min}};
  for (const double percentile : percentiles)
    json[Key(percentile)] = times.Quantile(percentile / 100);
  json["max"] = times.max;
  return json;
}

// Exact where all latencies are there.
Json LatencyJson(const LoadResult& load, const std::vector<double>& percentiles) {
  Json json = TimesJson(load.latency_ns, percentiles);
  if (load.answered == 0) return json;
  std::vector<double> qs;
  qs.reserve(percentiles.size());
  for (const double percentile : percentiles) qs.push_back(percentile / 100);
  const std::vector<double> quantiles = load.LatencyQuantiles(qs);
  for (size_t i = 0; i < qs.size(); ++i) json[Key(percentiles[i])] = quantiles[i];
  return json;
}

Json ToJson(const LoadResult& load, const measure::UpdateResult& update, SliceKind kind,
            const BenchReport& report) {
  Json json = {{"kind", SliceKindName(kind)}, {"seconds", load.seconds},
               {"answered", load.answered},   {"requests_per_second", load.throughput()},
               {"failed", load.failed},       {"unsent", load.unsent}};
  if (report.updates && report.unchecked.empty()) json["torn"] = load.torn;
  json["latency_ns"] = LatencyJson(load, report.percentiles);
  if (kind == SliceKind::kQuiet) return json;
  const bool copies = kind == SliceKind::kMemcpy;
  Json changes = {
      {"count", update.updates},
      {"per_second", update.rate()},
      {"failed", update.failed},
      {copies ? "memcpy_ns" : "stage_ns", TimesJson(update.stage_ns, report.percentiles)}};
  if (!copies) changes["commit_ns"] = TimesJson(update.commit_ns, report.percentiles);
  json[copies ? "copies" : "updates"] = std::move(changes);
  return json;
}

Json RatioJson(const Histogram::Snapshot& values, const Histogram::Snapshot& to,
               const std::vector<double>& percentiles) {
  Json json = Json::object();
  const auto add = [&](const std::string& key, double q) {
    const auto base = static_cast<double>(to.Quantile(q));
    if (base > 0) json[key] = static_cast<double>(values.Quantile(q)) / base;
  };
  for (const double percentile : percentiles) add(Key(percentile), percentile / 100);
  add("max", 1);
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

}  // namespace

Json SetupJson(const BenchReport& report) {
  return {{"config", report.one.setup.config.file},
          {"backend", report.backend},
          {"device", report.device},
          {"precision", report.precision},
          {"threads", report.threads},
          {"streams", report.streams},
          {"instances", report.instances}};
}

Json MachineJson(const BenchReport& report) {
  const measure::Environment& environment = report.environment;
  return {{"midstream", report.version},
          {"commit", environment.commit},
          {"build", environment.build},
          {"cpu", environment.cpu},
          {"cores", environment.cores},
          {"governor", environment.governor},
          {"system", environment.system},
          {"compiler", environment.compiler},
          {"load_average", environment.load_average},
          {"date", environment.date}};
}

Json ToJson(const BenchReport& report) {
  const measure::LiveUpdateResult& result = report.result;
  Json environment = MachineJson(report);
  environment.update(SetupJson(report));
  Json json = {{"model", report.model},
               {"environment", std::move(environment)},
               {"load",
                {{"batch", report.one.batch},
                 {"shapes", report.one.ShapesText()},
                 {"rate", report.one.rate},
                 {"clients", report.one.clients},
                 {"request_distribution", report.distribution},
                 {"duration", report.duration},
                 {"seed", report.seed}}}};
  if (report.updates) {
    json["trainer"] = {
        {"rate", report.update_rate}, {"bytes", report.weight_bytes}, {"tensors", report.tensors}};
  }
  if (report.threshold) {
    json["threshold"] = {{"ms", report.threshold->milliseconds},
                         {"percentile", report.threshold->percentile},
                         {"held", report.threshold->held}};
  }
  for (const SliceKind kind : report.kinds()) {
    const SliceSum& sum = result[kind];
    Json& found = json[SliceKindName(kind)] = ToJson(sum.load, sum.update, kind, report);
    const measure::Interval median = report.Median(kind);
    found["median_ns"] = {{"value", median.value}, {"low", median.low}, {"high", median.high}};
    found["round_medians_ns"] = sum.medians_ns;
  }
  if (report.updates) {
    const SliceSum &quiet = result[SliceKind::kQuiet], &updates = result[SliceKind::kUpdates],
                   &copies = result[SliceKind::kMemcpy];
    json["ratios"] = {
        {"updates_to_quiet",
         RatioJson(updates.load.latency_ns, quiet.load.latency_ns, report.percentiles)},
        {"memcpy_to_quiet",
         RatioJson(copies.load.latency_ns, quiet.load.latency_ns, report.percentiles)},
        {"stage_to_memcpy",
         RatioJson(updates.update.stage_ns, copies.update.stage_ns, report.percentiles)}};
  }
  json["slices"] = Json::array();
  for (const Slice& slice : result.slices) {
    json["slices"].push_back(ToJson(slice.load, slice.update, slice.kind, report));
  }
  json["series"] = SeriesJson(report);
  return json;
}

}  // namespace midstream::cli
