// midstream inspect --placement: which backend a configuration has each node run on, and why. The
// model is compiled for it; the report is the compiled program's own.
#include <fmt/format.h>

#include <map>

#include "core/cli/inspect.h"
#include "core/cli/table.h"

namespace midstream::cli {
namespace {

// Backends with how many nodes they run.
std::map<std::string, int> CountByBackend(const PlacementReport& report) {
  std::map<std::string, int> counts;
  for (const PlacementReport::Node& node : report.nodes) ++counts[node.backend];
  return counts;
}

Json ToJson(const PlacementReport& report) {
  Json nodes = Json::array();
  for (const PlacementReport::Node& node : report.nodes) {
    Json refusals = Json::array();
    for (const PlacementReport::Refusal& refusal : node.refusals) {
      refusals.push_back({{"backend", refusal.backend}, {"reason", refusal.reason}});
    }
    nodes.push_back({{"name", node.name},
                     {"op", node.op},
                     {"backend", node.backend},
                     {"segment", node.segment},
                     {"rule", node.rule.empty() ? Json() : Json(node.rule)},
                     {"refusals", refusals}});
  }
  Json segments = Json::array();
  for (const PlacementReport::Segment& segment : report.segments) {
    segments.push_back(
        {{"backend", segment.backend}, {"device", segment.device}, {"nodes", segment.nodes}});
  }
  Json transfers = Json::array();
  for (const PlacementReport::Transfer& transfer : report.transfers) {
    transfers.push_back({{"value", transfer.value},
                         {"from", transfer.from},
                         {"to", transfer.to},
                         {"bytes", transfer.bytes}});
  }
  Json missing = Json::array();
  for (const PlacementReport::Missing& absent : report.missing) {
    missing.push_back({{"backend", absent.backend}, {"reason", absent.reason}});
  }
  return {{"nodes", nodes},
          {"nodes_by_backend", CountByBackend(report)},
          {"segments", segments},
          {"transfers", transfers},
          {"transfer_shapes", report.shapes},
          {"missing", missing}};
}

std::string Why(const PlacementReport::Node& node) {
  std::string text = node.rule.empty() ? "" : "by " + node.rule;
  for (const PlacementReport::Refusal& refusal : node.refusals) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", refusal.backend, refusal.reason);
  }
  return text;
}

std::string ToText(const PlacementReport& report) {
  std::string counts;
  for (const auto& [backend, count] : CountByBackend(report)) {
    counts += fmt::format("{}{} on {}", counts.empty() ? "" : ", ", count, backend);
  }
  Table nodes("llrll");
  nodes.Add({"node", "operator", "segment", "backend", "why"});
  for (const PlacementReport::Node& node : report.nodes) {
    nodes.Add({node.name, node.op, std::to_string(node.segment + 1), node.backend, Why(node)});
  }
  Table segments("rllr");
  segments.Add({"segment", "backend", "device", "nodes"});
  for (size_t i = 0; i < report.segments.size(); ++i) {
    const PlacementReport::Segment& segment = report.segments[i];
    segments.Add(
        {std::to_string(i + 1), segment.backend, segment.device, std::to_string(segment.nodes)});
  }
  uint64_t bytes = 0;
  Table transfers("lllr");
  transfers.Add({"value", "from", "to", "bytes"});
  for (const PlacementReport::Transfer& transfer : report.transfers) {
    bytes += transfer.bytes;
    transfers.Add({transfer.value, transfer.from, transfer.to, Grouped(transfer.bytes)});
  }
  std::string text = fmt::format("Nodes: {} ({})\n{}Segments: {}\n{}", report.nodes.size(),
                                 counts.empty() ? "none" : counts, nodes.ToString(),
                                 report.segments.size(), segments.ToString());
  if (report.transfers.empty()) {
    text += "Transfers: none\n";
  } else {
    text += fmt::format("Transfers: {}, {} bytes a request with {}\n{}", report.transfers.size(),
                        Grouped(bytes), report.shapes.empty() ? "no input" : report.shapes,
                        transfers.ToString());
  }
  for (const PlacementReport::Missing& absent : report.missing) {
    text += fmt::format("Missing: {}: {}\n", absent.backend, absent.reason);
  }
  return text;
}

}  // namespace

void PrintPlacement(const PlacementReport& report, bool json) {
  if (json) {
    PrintJson(ToJson(report));
  } else {
    PrintText(ToText(report));
  }
}

}  // namespace midstream::cli
