#include "core/plan/placement.h"

#include <algorithm>

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

class Placer {
 public:
  using Devices = std::vector<std::shared_ptr<backend::Device>>;

  Placer(const Graph& graph, const Devices& devices, const PlacementPolicy& policy,
         const CompileRefusals& refused)
      : graph_(graph), devices_(devices), policy_(policy), refused_(refused) {}

  Result<Placement> Run() {
    for (const auto& device : devices_) {
      MS_ASSIGN_OR_RETURN(std::vector<backend::NodeClaim> claims, device->Claim(graph_));
      claims_.push_back(std::move(claims));
    }
    const size_t count = graph_.nodes().size();
    placement_.device_of.assign(count, devices_.size());
    placement_.claims.resize(count);
    placement_.refusals.resize(count);
    placement_.rules.resize(count);
    std::string homeless;
    for (NodeId id = 0; id < count; ++id) {
      PlaceNode(id);
      if (placement_.device_of[id] != devices_.size()) continue;
      homeless += "\n  " + Describe(graph_.node(id)) + ":" + Reasons(id);
    }
    if (!homeless.empty()) {
      for (const PlacementReport::Missing& missing : policy_.missing) {
        homeless += "\n  '" + missing.backend + "' was not asked: " + missing.reason;
      }
      return Unimplemented("no backend of the placement order takes these nodes:" + homeless +
                           PythonHint());
    }
    if (placement_.fallbacks.empty() || policy_.fallback != Fallback::kError) {
      return std::move(placement_);
    }
    std::string text =
        std::to_string(placement_.fallbacks.size()) + " node(s) would fall back to another backend";
    for (const std::string& line : placement_.fallbacks) text += "\n  " + line;
    return FailedPrecondition(text + "\n(placement.fallback = \"error\")");
  }

 private:
  void PlaceNode(NodeId id) {
    const auto rule = std::find_if(
        policy_.rules.begin(), policy_.rules.end(),
        [&](const PlacementRule& candidate) { return Fits(candidate, graph_.node(id)); });
    const bool ruled = rule != policy_.rules.end();
    if (ruled) placement_.rules[id] = &*rule;
    if (ruled && Offer(id, rule->device)) return;
    for (size_t device = 0; device < devices_.size(); ++device) {
      if (ruled && device == rule->device) continue;
      if (Offer(id, device)) break;
    }
  }

  // Whether the device takes the node.
  bool Offer(NodeId id, size_t device) {
    const backend::NodeClaim& claim = claims_[device][id];
    const auto refused = refused_.find({id, device});
    if (!claim.mine || refused != refused_.end()) {
      const bool late = refused != refused_.end();
      placement_.refusals[id].push_back(
          {device, late ? refused->second : std::string(ReasonText(claim.reason))});
      return false;
    }
    placement_.device_of[id] = device;
    placement_.claims[id] = claim;
    if (!placement_.refusals[id].empty()) {
      placement_.fallbacks.push_back(Describe(graph_.node(id)) + " runs on " +
                                     devices_[device]->label() + ":" + Reasons(id));
    }
    return true;
  }

  // Whoever opens his first package without a configuration cannot know what it lacks.
  std::string PythonHint() const {
    const bool asked =
        std::any_of(devices_.begin(), devices_.end(),
                    [](const auto& device) { return device->label().starts_with("python"); }) ||
        std::any_of(policy_.missing.begin(), policy_.missing.end(),
                    [](const auto& missing) { return missing.backend == "python"; });
    for (NodeId id = 0; !asked && id < graph_.nodes().size(); ++id) {
      if (graph_.node(id).Is("PythonModel", kMidstreamDomain)) {
        return "\n  models that are Python code need the backend 'python' in plugins.list and "
               "placement.order, as configs/python.toml has it";
      }
    }
    return "";
  }

  std::string Reasons(NodeId id) const {
    std::string text;
    for (const PlacementRefusal& refusal : placement_.refusals[id]) {
      text += " " + devices_[refusal.device]->label() + " " + refusal.reason + ";";
    }
    return text;
  }

  const Graph& graph_;
  const Devices& devices_;
  const PlacementPolicy& policy_;
  const CompileRefusals& refused_;
  std::vector<std::vector<backend::NodeClaim>> claims_;  // by device and node
  Placement placement_;
};

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  // The last * may grow as long as what follows does not fit.
  size_t at = 0, in = 0, star = std::string_view::npos, resume = 0;
  while (in < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      resume = in;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in])) {
      ++at;
      ++in;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

bool Fits(const PlacementRule& rule, const Node& node) {
  if (rule.by == PlacementRule::By::kNode) return MatchesPattern(rule.pattern, node.name);
  return rule.pattern == node.op ||
         (!node.domain.empty() && rule.pattern == node.domain + "." + node.op);
}

Result<Placement> Place(const Graph& graph,
                        const std::vector<std::shared_ptr<backend::Device>>& devices,
                        const PlacementPolicy& policy, const CompileRefusals& refused) {
  return Placer(graph, devices, policy, refused).Run();
}

void WarnOfFallbacks(const Placement& placement, Fallback fallback) {
  if (placement.fallbacks.empty() || fallback != Fallback::kWarn) return;
  std::string text =
      std::to_string(placement.fallbacks.size()) + " node(s) fall back to another backend";
  for (const std::string& line : placement.fallbacks) text += "\n  " + line;
  Log(LogLevel::kWarning, text);
}

}  // namespace midstream::plan
