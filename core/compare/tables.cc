#include "core/compare/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace midstream::compare {
namespace {

constexpr size_t kNodesShown = 8;  // of each arm, the slowest

std::string IntervalText(const measure::Interval& interval, double unit) {
  return fmt::format("{} [{} {}]", Short(interval.value / unit), Short(interval.low / unit),
                     Short(interval.high / unit));
}

std::string VersionName(size_t i) { return fmt::format("v{}", i + 1); }

bool HasUpdates(const Report& report) { return report.base().versions.size() > 1; }

std::vector<std::string> AccuracyRow(const OutputDifference& output) {
  const Difference& difference = output.difference;
  if (!output.problem.empty()) return {"-", "-", "-", "-", "-", "-", "DIFFERS"};
  std::vector<std::string> cells = {ErrorText(difference.max_abs)};
  if (difference.is_float()) {
    cells.push_back(ErrorText(difference.max_rel));
    cells.push_back(ErrorText(difference.nmse));
    const bool compared = !std::isnan(difference.max_abs);
    cells.push_back(!compared ? "-"
                    : difference.max_ulp < 10000000
                        ? std::to_string(difference.max_ulp)
                        : fmt::format("{:.1e}", static_cast<double>(difference.max_ulp)));
    cells.push_back(compared ? fmt::format("{:.6f}", difference.cosine) : "-");
    cells.push_back(difference.rows > 0 ? fmt::format("{}/{}", difference.flips, difference.rows)
                                        : "-");
  } else {
    cells.insert(cells.end(), {"-", "-", "-", "-", "-"});
  }
  cells.emplace_back(difference.within() ? "ok" : "DIFFERS");
  return cells;
}

std::string OutsideText(const std::string& arm, const std::string& version,
                        const OutputDifference& output) {
  const std::string head = arm + (version.empty() ? "" : " " + version) + ": " + output.output;
  if (!output.problem.empty()) return head + " " + output.problem;
  const Difference& difference = output.difference;
  std::string text = fmt::format("{}: {} of {} elements outside the tolerance", head,
                                 difference.outside, difference.elements);
  if (difference.nonfinite > 0) {
    text += fmt::format(", {} of them NaN or infinite on one side", difference.nonfinite);
  }
  if (difference.worst >= 0) {
    text += "; worst at " + IndexText(difference.shape, difference.worst);
  }
  return text;
}

TextTable AccuracyTable(const Report& report) {
  const bool updates = HasUpdates(report);
  TextTable table{
      "Accuracy against " + report.base().name, updates ? "lllrrrrrrl" : "llrrrrrrl", {}, {}};
  std::vector<std::string> head = {"arm"};
  if (updates) head.emplace_back("weights");
  for (const char* name :
       {"output", "max abs", "max rel", "NMSE", "ULP", "cosine", "flips", "verdict"}) {
    head.emplace_back(name);
  }
  table.rows.push_back(std::move(head));
  for (size_t i = 0; i < report.arms.size(); ++i) {
    const ArmReport& arm = report.arms[i];
    if (i == report.baseline) continue;
    for (size_t v = 0; v < arm.versions.size(); ++v) {
      for (const OutputDifference& output : arm.versions[v].outputs) {
        std::vector<std::string> row = {arm.name};
        if (updates) row.push_back(VersionName(v));
        row.push_back(output.output);
        const auto cells = AccuracyRow(output);
        row.insert(row.end(), cells.begin(), cells.end());
        table.rows.push_back(std::move(row));
        if (output.problem.empty() && output.difference.within()) continue;
        table.notes.push_back(OutsideText(arm.name, updates ? VersionName(v) : "", output));
      }
    }
  }
  return table;
}

TextTable UpdateTable(const Report& report) {
  TextTable table{
      "Updates of the weights", "lllrr", {{"", "weights", "arm", "ms", "compiled"}}, {}};
  for (size_t v = 1; v < report.base().versions.size(); ++v) {
    for (const ArmReport& arm : report.arms) {
      if (v >= arm.versions.size()) continue;
      const VersionReport& version = arm.versions[v];
      table.rows.push_back({VersionName(v), version.weights, arm.name, Short(version.update_ms),
                            std::to_string(version.compiles)});
    }
  }
  return table;
}

TextTable SpeedTable(const Report& report) {
  TextTable table{
      "Speed, ms an inference",
      "lrrlrrrr",
      {{"arm", "median [95 % CI]", "ratio [95 % CI]", "verdict", "p90", "p99", "p99.9", "per s"}},
      {}};
  uint64_t calls = 0;
  for (const ArmReport& arm : report.arms) {
    if (!arm.speed) continue;
    const Speed& speed = *arm.speed;
    const bool base = &arm == &report.base();
    calls += speed.calls;
    table.rows.push_back(
        {arm.name, IntervalText(speed.median_ns, 1e6), base ? "1" : IntervalText(speed.ratio, 1),
         base ? "baseline" : std::string(VerdictName(speed.verdict)), Short(speed.p90_ns * 1e-6),
         Short(speed.p99_ns * 1e-6), Short(speed.p999_ns * 1e-6), Short(speed.per_second)});
  }
  table.notes.push_back(fmt::format(
      "{} interleaved rounds, {} calls in {:.1f} s; ratio of the median to that of {}; a verdict "
      "only where its interval is beyond 2 %, and of {} rounds or more",
      report.rounds, calls, report.seconds, report.base().name, measure::kFewestForInterval));
  return table;
}

TextTable CostTable(const Report& report) {
  TextTable table{"Start, memory and traffic",
                  "lrrrrrrrr",
                  {{"arm", "open ms", "compile", "first run", "backend", "process", "to device",
                    "from", "copies"}},
                  {}};
  const auto bytes = [](double count) { return BytesText(static_cast<uint64_t>(count)); };
  for (const ArmReport& arm : report.arms) {
    if (!arm.ran()) continue;
    const OpeningCost& cost = arm.cost;
    table.rows.push_back({arm.name, Short(cost.open_ms), Short(cost.compile_ms),
                          Short(cost.first_run_ms), BytesText(cost.backend_bytes),
                          BytesText(cost.peak_bytes), bytes(arm.traffic.to_device_bytes),
                          bytes(arm.traffic.from_device_bytes), Short(arm.traffic.transfers)});
  }
  table.notes.push_back(fmt::format(
      "backend: host memory that backends hold; process: resident memory gained at the peak, up to "
      "the end of the first run; of the whole process {}; traffic of one inference",
      BytesText(report.peak_bytes)));
  return table;
}

TextTable NodeTable(const Report& report) {
  TextTable table{fmt::format("Time per node, the {} longest of each arm", kNodesShown),
                  "lllrr",
                  {{"arm", "node", "kernel", "us", "%"}},
                  {}};
  for (const ArmReport& arm : report.arms) {
    std::vector<NodeTime> nodes = arm.nodes;
    std::stable_sort(nodes.begin(), nodes.end(),
                     [](const NodeTime& a, const NodeTime& b) { return a.mean_ns > b.mean_ns; });
    double total = 0;
    for (const NodeTime& node : nodes) total += node.mean_ns;
    for (size_t i = 0; i < std::min(nodes.size(), kNodesShown); ++i) {
      const std::string kernel = nodes[i].kernel.empty() ? nodes[i].op : nodes[i].kernel;
      table.rows.push_back({arm.name, nodes[i].name, kernel, Short(nodes[i].mean_ns * 1e-3),
                            fmt::format("{:.1f}", total > 0 ? 100 * nodes[i].mean_ns / total : 0)});
    }
  }
  return table;
}

TextTable LayerTable(const Report& report) {
  TextTable table{"First node that differs", "l", {}, {}};
  for (const ArmReport& arm : report.arms) {
    const auto lines = LayerLines(arm);
    table.notes.insert(table.notes.end(), lines.begin(), lines.end());
  }
  return table;
}

TextTable ArmTable(const Report& report) {
  TextTable table{"Arms", "lllll", {{"arm", "from", "precision", "nodes", ""}}, {}};
  for (const ArmReport& arm : report.arms) {
    const std::string remark = &arm == &report.base() ? "baseline"
                               : arm.ran()            ? ""
                               : arm.unavailable      ? "unavailable"
                                                      : "failed";
    table.rows.push_back({arm.name, arm.from, arm.precision,
                          fmt::format("{}", fmt::join(arm.backends, ", ")), remark});
    if (!arm.ran()) {
      table.notes.push_back(fmt::format("{}: {}", arm.name, arm.problem.message()));
    }
  }
  return table;
}

}  // namespace

std::vector<TextTable> MakeTables(const Report& report) {
  std::vector<TextTable> tables = {ArmTable(report)};
  if (TextTable accuracy = AccuracyTable(report); accuracy.rows.size() > 1) {
    tables.push_back(std::move(accuracy));
  }
  if (HasUpdates(report)) tables.push_back(UpdateTable(report));
  const auto any = [&](auto has) {
    return std::any_of(report.arms.begin(), report.arms.end(), has);
  };
  if (any([](const ArmReport& arm) { return arm.layers.has_value(); })) {
    tables.push_back(LayerTable(report));
  }
  if (report.rounds > 0) tables.push_back(SpeedTable(report));
  if (any([](const ArmReport& arm) { return !arm.nodes.empty(); })) {
    tables.push_back(NodeTable(report));
  }
  tables.push_back(CostTable(report));
  return tables;
}

std::vector<std::string> HeadLines(const Report& report) {
  std::string inputs;
  for (const TensorSpec& input : report.inputs) {
    inputs += fmt::format("{}{} {}{}", inputs.empty() ? "" : ", ", input.name,
                          DTypeName(input.dtype), input.shape.ToString());
  }
  return {report.model,
          fmt::format("inputs: {}; seed {}", inputs.empty() ? "none" : inputs, report.seed)};
}

std::vector<std::pair<std::string, std::string>> EnvironmentRows(const Report& report) {
  const measure::Environment& environment = report.environment;
  return {{"CPU", fmt::format("{}, {} cores usable", environment.cpu, environment.cores)},
          {"system", environment.system},
          {"compiler", environment.compiler},
          {"load average", fmt::format("{:.2f} at the start", environment.load_average)},
          {"Midstream", report.version},
          {"time", report.time}};
}

std::vector<std::string> LayerLines(const ArmReport& arm) {
  if (!arm.layers) return {};
  if (!arm.layers_problem.ok()) {
    return {fmt::format("{}: could not be looked for: {}", arm.name, arm.layers_problem.message())};
  }
  const LayerReport& found = *arm.layers;
  const std::string looked = fmt::format("{} nodes, {} part{} compiled", found.nodes, found.parts,
                                         found.parts == 1 ? "" : "s");
  const auto error = [&] {
    if (found.difference.nonfinite > 0) {
      return fmt::format("{} of {} elements NaN or infinite on one side",
                         found.difference.nonfinite, found.difference.elements);
    }
    const std::string of_scale =
        found.difference.is_float()
            ? fmt::format(", {} of the scale, tolerance {}", ErrorText(found.difference.scaled),
                          ErrorText(ToleranceOf(found.difference.dtype)))
            : fmt::format(", {} of {} elements differ", found.difference.different,
                          found.difference.elements);
    return fmt::format("max abs {}{}", ErrorText(found.difference.max_abs), of_scale);
  };
  switch (found.finding) {
    case Finding::kNothing:
      return {fmt::format("{}: none, every value is within its dtype's tolerance ({})", arm.name,
                          looked)};
    case Finding::kGraph:
      return {
          fmt::format("{}: none: the baseline computes the same from this arm's compiled graph, "
                      "so what differs is the graph, by passes or by precision mode \"{}\" ({})",
                      arm.name, arm.precision, looked)};
    case Finding::kWeight:
      return {fmt::format("{}: the derived weight '{}' = {}: {} ({})", arm.name, found.node,
                          found.op, error(), looked)};
    case Finding::kNode:
      break;
  }
  std::vector<std::string> lines = {
      fmt::format("{}: {} '{}' on {}{} ({})", arm.name, found.op, found.node, found.backend,
                  found.kernel.empty() ? "" : ", kernel " + found.kernel, looked)};
  if (found.failure.empty()) {
    lines.push_back(fmt::format(
        "  {} {}{}: {}{}", DTypeName(found.difference.dtype), found.difference.shape.ToString(),
        found.difference.worst < 0
            ? ""
            : ", worst at " + IndexText(found.difference.shape, found.difference.worst),
        error(), fmt::format("; its inputs agree to {}", ErrorText(found.inputs_scaled))));
  } else {
    lines.push_back("  it fails: " + found.failure);
  }
  if (found.masked) lines.emplace_back("  later nodes mask it: the outputs agree");
  if (found.sources.size() < 2) return lines;
  lines.push_back(fmt::format("  it stands for {}", fmt::join(found.sources, ", ")));
  if (!found.checked_unfused) return lines;
  lines.push_back(
      found.unfused.empty()
          ? "  without fusion none of these differs: only the fused form does"
          : fmt::format("  without fusion the first of these to differ is {}", found.unfused));
  return lines;
}

std::string ErrorText(double error) {
  if (error == 0) return "0";
  if (!std::isfinite(error)) return std::isnan(error) ? "nan" : "inf";
  return fmt::format("{:.2g}", error);
}

std::string Short(double value) {
  if (!std::isfinite(value)) return "-";
  return std::fabs(value) >= 100 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

std::string BytesText(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  const auto value = static_cast<double>(bytes);
  if (bytes < uint64_t{1} << 20) return Short(value / 1024) + " KiB";
  if (bytes < uint64_t{1} << 30) return Short(value / (1024.0 * 1024)) + " MiB";
  return Short(value / (1024.0 * 1024 * 1024)) + " GiB";
}

}  // namespace midstream::compare
