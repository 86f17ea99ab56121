#include "core/plan/placement.h"

#include "core/base/log.h"

namespace midstream::plan {
namespace {

std::string_view ReasonText(uint32_t reason) {
  switch (reason) {
    case MS_REASON_OP:
      return "does not know the operator";
    case MS_REASON_DTYPE:
      return "does not take its dtypes";
    case MS_REASON_ATTRIBUTE:
      return "does not take its attributes";
    case MS_REASON_SHAPE:
      return "does not take its shapes";
    default:
      return "refused it without a reason";
  }
}

std::string Describe(const Node& node) { return node.op + " '" + node.name + "'"; }

}  // namespace

Result<Placement> Place(const Graph& graph,
                        const std::vector<std::shared_ptr<backend::Device>>& devices,
                        Fallback fallback) {
  Placement placement;
  placement.device_of.assign(graph.nodes().size(), devices.size());
  placement.claims.resize(graph.nodes().size());
  std::vector<std::string> refusals(graph.nodes().size());
  for (size_t d = 0; d < devices.size(); ++d) {
    MS_ASSIGN_OR_RETURN(std::vector<backend::NodeClaim> claims, devices[d]->Claim(graph));
    for (NodeId id = 0; id < graph.nodes().size(); ++id) {
      if (placement.device_of[id] != devices.size()) continue;
      if (claims[id].mine) {
        placement.device_of[id] = d;
        placement.claims[id] = claims[id];
        if (d > 0) {
          placement.fallbacks.push_back(Describe(graph.node(id)) + " runs on " +
                                        std::string(devices[d]->plugin_name()) + ":" +
                                        refusals[id]);
        }
      } else {
        refusals[id] += " " + std::string(devices[d]->plugin_name()) + " " +
                        std::string(ReasonText(claims[id].reason)) + ";";
      }
    }
  }
  std::string homeless;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    if (placement.device_of[id] == devices.size())
      homeless += "\n  " + Describe(graph.node(id)) + ":" + refusals[id];
  }
  if (!homeless.empty())
    return Unimplemented("no backend of the placement order takes these nodes:" + homeless);
  if (placement.fallbacks.empty() || fallback == Fallback::kAllow) return placement;

  std::string text =
      std::to_string(placement.fallbacks.size()) + " node(s) fall back to another backend";
  for (const std::string& line : placement.fallbacks) text += "\n  " + line;
  if (fallback == Fallback::kError)
    return FailedPrecondition(text + "\n(placement.fallback = \"error\")");
  Log(LogLevel::kWarning, text);
  return placement;
}

}  // namespace midstream::plan
