#include "core/cli/compare_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/cli/table.h"
#include "core/compare/tables.h"

namespace midstream::cli {
namespace {

using compare::TextTable;

constexpr size_t kMostColumns = 100;
constexpr size_t kIndent = 2;
constexpr size_t kLeastName = 8;

// The end of a name tells more than its beginning: "model/block1/conv/Conv2D".
std::string Shortened(const std::string& text, size_t width) {
  if (text.size() <= width) return text;
  return ".." + text.substr(text.size() - (width - 2));
}

// The widest columns of names give way until the table fits.
std::vector<size_t> FitColumns(const TextTable& table) {
  std::vector<size_t> widths(table.alignment.size(), 0);
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  while (true) {
    size_t total = kIndent;
    for (const size_t width : widths) total += width + 2;
    if (total <= kMostColumns + 2) return widths;
    size_t widest = widths.size();
    for (size_t i = 0; i < widths.size(); ++i) {
      if (table.alignment[i] != 'l' || widths[i] <= kLeastName) continue;
      if (widest == widths.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == widths.size()) return widths;
    --widths[widest];
  }
}

// Lines of at most kMostColumns, broken at blanks, the following ones indented by four more.
std::string Wrapped(const std::string& text) {
  std::string wrapped, line;
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  line = std::string(kIndent + begin, ' ');
  bool empty = true;
  for (size_t at = begin; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const size_t length = end - at;
    if (!empty && line.size() + 1 + length > kMostColumns) {
      wrapped += line + "\n";
      line = std::string(kIndent + begin + 4, ' ');
      empty = true;
    }
    if (!empty) line += ' ';
    line.append(text, at, length);
    empty = false;
    at = end + 1;
  }
  return wrapped + line + "\n";
}

// Messages may have several lines.
std::string WrappedLines(const std::string& text) {
  std::string wrapped;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    wrapped += Wrapped(text.substr(at, end - at));
    at = end + 1;
  }
  return wrapped;
}

std::string TableText(const TextTable& table) {
  std::string text = "\n" + table.title + "\n";
  if (!table.rows.empty()) {
    const std::vector<size_t> widths = FitColumns(table);
    Table aligned(table.alignment);
    for (const auto& row : table.rows) {
      std::vector<std::string> cells;
      for (size_t i = 0; i < row.size(); ++i) cells.push_back(Shortened(row[i], widths[i]));
      aligned.Add(std::move(cells));
    }
    text += aligned.ToString(kIndent);
  }
  for (const std::string& note : table.notes) text += WrappedLines(note);
  return text;
}

std::string Cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string MarkdownRow(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) text += " " + Cell(cell) + " |";
  return text + "\n";
}

std::string TableMarkdown(const TextTable& table) {
  std::string text = "\n## " + table.title + "\n\n";
  if (!table.rows.empty()) {
    text += MarkdownRow(table.rows.front());
    for (const char c : table.alignment) text += c == 'l' ? "|---" : "|---:";
    text += "|\n";
    for (size_t i = 1; i < table.rows.size(); ++i) text += MarkdownRow(table.rows[i]);
    text += "\n";
  }
  for (const std::string& note : table.notes)
    text += (note.starts_with(' ') ? "" : "- ") + note + "\n";
  return text;
}

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json IntervalJson(const measure::Interval& interval) {
  return {{"value", Number(interval.value)},
          {"low", Number(interval.low)},
          {"high", Number(interval.high)}};
}

Json SpecsJson(const std::vector<TensorSpec>& specs) {
  Json json = Json::array();
  for (const TensorSpec& spec : specs) {
    json.push_back(
        {{"name", spec.name}, {"dtype", DTypeName(spec.dtype)}, {"shape", spec.shape.dims()}});
  }
  return json;
}

// Infinite errors are null: JSON has no number for them.
Json DifferenceJson(const compare::Difference& difference) {
  Json json = {{"dtype", DTypeName(difference.dtype)}, {"shape", difference.shape.dims()},
               {"elements", difference.elements},      {"different", difference.different},
               {"outside", difference.outside},        {"within", difference.within()},
               {"max_abs", Number(difference.max_abs)}};
  if (difference.worst >= 0) {
    json["worst"] = compare::IndexText(difference.shape, difference.worst);
  }
  if (!difference.is_float()) return json;
  json["nonfinite_mismatches"] = difference.nonfinite;
  json["max_rel"] = Number(difference.max_rel);
  json["scale"] = Number(difference.scale);
  json["scaled"] = Number(difference.scaled);
  json["nmse"] = Number(difference.nmse);
  json["max_ulp"] = std::isnan(difference.max_abs) ? Json() : Json(difference.max_ulp);
  json["cosine"] = Number(difference.cosine);
  json["argmax_rows"] = difference.rows;
  json["argmax_flips"] = difference.flips;
  return json;
}

Json VersionsJson(const compare::ArmReport& arm) {
  Json versions = Json::array();
  for (const compare::VersionReport& version : arm.versions) {
    Json outputs = Json::array();
    for (const compare::OutputDifference& output : version.outputs) {
      Json entry = {{"output", output.output}};
      if (output.problem.empty()) {
        entry.update(DifferenceJson(output.difference));
      } else {
        entry["problem"] = output.problem;
      }
      outputs.push_back(std::move(entry));
    }
    versions.push_back(
        {{"weights", version.weights.empty() ? Json(nullptr) : Json(version.weights)},
         {"update_ms", version.update_ms},
         {"compiles", version.compiles},
         {"outputs", outputs}});
  }
  return versions;
}

Json LayersJson(const compare::ArmReport& arm) {
  if (!arm.layers_problem.ok()) return {{"problem", arm.layers_problem.message()}};
  const compare::LayerReport& layers = *arm.layers;
  Json json = {{"finding", compare::FindingName(layers.finding)},
               {"nodes", layers.nodes},
               {"parts", layers.parts}};
  if (layers.finding == compare::Finding::kWeight) {
    json["weight"] = layers.node;
    json["recipe"] = layers.op;
    json["difference"] = DifferenceJson(layers.difference);
    json["masked"] = layers.masked;
  } else if (layers.finding == compare::Finding::kNode) {
    json["node"] = layers.node;
    json["op"] = layers.op;
    json["backend"] = layers.backend;
    json["kernel"] = layers.kernel;
    if (!layers.failure.empty()) json["failure"] = layers.failure;
    if (layers.failure.empty()) json["difference"] = DifferenceJson(layers.difference);
    json["inputs_scaled"] = Number(layers.inputs_scaled);
    json["masked"] = layers.masked;
    json["sources"] = layers.sources;
    if (layers.checked_unfused) {
      json["only_fused"] = layers.unfused.empty();
      json["unfused"] = layers.unfused.empty() ? Json(nullptr) : Json(layers.unfused);
    }
  }
  json["values"] = Json::array();
  for (const compare::LayerValue& value : layers.values) {
    json["values"].push_back({{"node", value.node},
                              {"value", value.name},
                              {"scaled", Number(value.difference.scaled)},
                              {"within", value.difference.within()}});
  }
  return json;
}

Json SpeedJson(const compare::Speed& speed) {
  return {{"median_ns", IntervalJson(speed.median_ns)},
          {"ratio", IntervalJson(speed.ratio)},
          {"verdict", compare::VerdictName(speed.verdict)},
          {"p50_ns", Number(speed.p50_ns)},
          {"p90_ns", Number(speed.p90_ns)},
          {"p99_ns", Number(speed.p99_ns)},
          {"p999_ns", Number(speed.p999_ns)},
          {"calls", speed.calls},
          {"per_second", Number(speed.per_second)}};
}

Json ArmJson(const compare::ArmReport& arm) {
  Json json = {{"name", arm.name}, {"from", arm.from}, {"ran", arm.ran()}};
  if (!arm.ran()) {
    json["unavailable"] = arm.unavailable;
    json["problem"] = arm.problem.message();
    return json;
  }
  json["precision"] = arm.precision;
  json["nodes_by_backend"] = arm.backends;
  json["open_ms"] = arm.cost.open_ms;
  json["compile_ms"] = arm.cost.compile_ms;
  json["first_run_ms"] = arm.cost.first_run_ms;
  json["backend_bytes"] = arm.cost.backend_bytes;
  json["peak_process_bytes"] = arm.cost.peak_bytes;
  json["traffic"] = {{"to_device_bytes", arm.traffic.to_device_bytes},
                     {"from_device_bytes", arm.traffic.from_device_bytes},
                     {"transfers", arm.traffic.transfers}};
  json["versions"] = VersionsJson(arm);
  if (arm.layers) json["layers"] = LayersJson(arm);
  if (arm.speed) json["speed"] = SpeedJson(*arm.speed);
  json["nodes"] = Json::array();
  for (const compare::NodeTime& node : arm.nodes) {
    json["nodes"].push_back({{"name", node.name},
                             {"op", node.op},
                             {"backend", node.backend},
                             {"kernel", node.kernel},
                             {"mean_ns", node.mean_ns}});
  }
  return json;
}

}  // namespace

std::string ToText(const compare::Report& report) {
  std::string text;
  for (const std::string& line : compare::HeadLines(report)) text += line + "\n";
  for (const TextTable& table : compare::MakeTables(report)) text += TableText(table);
  const measure::Environment& environment = report.environment;
  return text + fmt::format("\n{}, {} cores, {}, load {:.2f}\n", environment.cpu, environment.cores,
                            environment.system, environment.load_average);
}

std::string ToMarkdown(const compare::Report& report) {
  std::string text = "# midstream compare\n\n";
  for (const std::string& line : compare::HeadLines(report)) text += "- " + line + "\n";
  for (const TextTable& table : compare::MakeTables(report)) text += TableMarkdown(table);
  text += "\n## Environment\n\n";
  for (const auto& [name, value] : compare::EnvironmentRows(report)) {
    text += fmt::format("- {}: {}\n", name, value);
  }
  return text;
}

Json ToJson(const compare::Report& report) {
  Json environment = Json::object();
  for (const auto& [name, value] : compare::EnvironmentRows(report)) environment[name] = value;
  Json arms = Json::array();
  for (const compare::ArmReport& arm : report.arms) arms.push_back(ArmJson(arm));
  return {{"model", report.model},
          {"inputs", SpecsJson(report.inputs)},
          {"seed", report.seed},
          {"baseline", report.base().name},
          {"rounds", report.rounds},
          {"peak_process_bytes", report.peak_bytes},
          {"arms", arms},
          {"environment", environment}};
}

}  // namespace midstream::cli
