// midstream inspect --precision: in which dtypes a configuration has a model compute, and why. The
// model is compiled for it; the report is the compiled program's own.
#include <fmt/format.h>

#include <map>

#include "core/cli/inspect.h"
#include "core/cli/table.h"

namespace midstream::cli {
namespace {

std::string DTypesText(const std::vector<DType>& dtypes) {
  std::string text;
  for (DType dtype : dtypes) {
    text += text.empty() ? "" : ", ";
    text += dtype == DType::kInvalid ? std::string_view("-") : DTypeName(dtype);
  }
  return text;
}

Json DTypesJson(const std::vector<DType>& dtypes) {
  Json json = Json::array();
  for (DType dtype : dtypes) {
    json.push_back(dtype == DType::kInvalid ? Json() : Json(DTypeName(dtype)));
  }
  return json;
}

// Nodes by the dtype of their first result.
std::map<std::string, int> CountByDType(const PrecisionReport& report) {
  std::map<std::string, int> counts;
  for (const PrecisionReport::Node& node : report.nodes) {
    ++counts[std::string(DTypeName(node.outputs[0]))];
  }
  return counts;
}

int CountUnmet(const PrecisionReport& report) {
  int unmet = 0;
  for (const PrecisionReport::Node& node : report.nodes) unmet += node.met ? 0 : 1;
  return unmet;
}

Json ToJson(const PrecisionReport& report) {
  Json nodes = Json::array();
  for (const PrecisionReport::Node& node : report.nodes) {
    nodes.push_back({{"name", node.name},
                     {"op", node.op},
                     {"backend", node.backend},
                     {"inputs", DTypesJson(node.inputs)},
                     {"outputs", DTypesJson(node.outputs)},
                     {"accumulate", DTypesJson({node.accumulate})[0]},
                     {"met", node.met},
                     {"reason", node.reason}});
  }
  Json weights = Json::array();
  for (const PrecisionReport::Weight& weight : report.weights) {
    Json entry = {{"name", weight.name}, {"dtype", DTypeName(weight.dtype)}};
    if (!weight.recipe.empty()) entry["recipe"] = weight.recipe;
    weights.push_back(std::move(entry));
  }
  return {{"mode", report.mode},         {"nodes", nodes},
          {"weights", weights},          {"nodes_by_dtype", CountByDType(report)},
          {"unmet", CountUnmet(report)}, {"notes", report.notes}};
}

std::string ToText(const PrecisionReport& report) {
  Table nodes("lllllll");
  nodes.Add({"node", "operator", "backend", "reads", "writes", "sums in", "why"});
  for (const PrecisionReport::Node& node : report.nodes) {
    nodes.Add({node.name, node.op, node.backend, DTypesText(node.inputs), DTypesText(node.outputs),
               DTypesText({node.accumulate}), node.reason});
  }
  Table weights("lll");
  for (const PrecisionReport::Weight& weight : report.weights) {
    weights.Add({weight.name, std::string(DTypeName(weight.dtype)),
                 weight.recipe.empty() ? "as stored" : weight.recipe});
  }
  std::string counts;
  for (const auto& [dtype, count] : CountByDType(report)) {
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, dtype);
  }
  std::string text = fmt::format(
      "Precision mode: {}\nNodes: {} ({} by result; {} not as the mode asks)\n{}Weights: {}\n{}",
      report.mode, report.nodes.size(), counts.empty() ? "none" : counts,
      CountUnmet(report) == 0 ? "none" : std::to_string(CountUnmet(report)), nodes.ToString(),
      report.weights.size(), weights.ToString());
  for (const std::string& note : report.notes) text += "Note: " + note + "\n";
  return text;
}

}  // namespace

void PrintPrecision(const PrecisionReport& report, bool json) {
  if (json) {
    PrintJson(ToJson(report));
  } else {
    PrintText(ToText(report));
  }
}

}  // namespace midstream::cli
