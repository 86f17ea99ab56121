// Placement: which device computes which node.
//
// A node is offered to the device that a rule names for it, then to the devices in the order of the
// configuration, and goes to the first that claims it. Whether it may go past the first is the
// fallback policy. Every refusal is kept with its reason, for the report.
#ifndef MIDSTREAM_CORE_PLAN_PLACEMENT_H_
#define MIDSTREAM_CORE_PLAN_PLACEMENT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/handles.h"
#include "core/graph/graph.h"
#include "core/graph/placement_report.h"

namespace midstream::plan {

enum class Fallback { kError, kWarn, kAllow };

struct PlacementRule {
  std::string key;  // how the configuration calls it: "placement.op.Conv"
  // Of the node's name, with * and ?, or the type of operator.
  enum class By : uint8_t { kNode, kOperator } by = By::kNode;
  std::string pattern;
  size_t device = 0;
};

struct PlacementPolicy {
  Fallback fallback = Fallback::kWarn;
  std::vector<PlacementRule> rules;               // the first that fits a node is its rule
  std::vector<PlacementReport::Missing> missing;  // what is not there to be asked, for the report
};

// Whether text is what the pattern says: * stands for any text, ? for one character.
bool MatchesPattern(std::string_view pattern, std::string_view text);
bool Fits(const PlacementRule& rule, const Node& node);

struct PlacementRefusal {
  size_t device;
  std::string reason;  // "does not know the operator"
};

// What a device said of a node when its segment was to be compiled.
using CompileRefusals = std::map<std::pair<NodeId, size_t>, std::string>;

struct Placement {
  std::vector<size_t> device_of;                        // per node: index into the devices
  std::vector<backend::NodeClaim> claims;               // per node: the answer of that device
  std::vector<std::vector<PlacementRefusal>> refusals;  // per node: of devices asked before
  std::vector<const PlacementRule*> rules;              // per node; null: none
  std::vector<std::string>
      fallbacks;  // "LRN 'norm1' runs on reference: cpu_blas does not know the operator"
};

// policy must outlive the placement. refused: nodes that devices claim and cannot compile. Errors:
// UNIMPLEMENTED listing every node that no device takes; FAILED_PRECONDITION listing every node that
// its first device refused when the fallback is kError.
Result<Placement> Place(const Graph& graph,
                        const std::vector<std::shared_ptr<backend::Device>>& devices,
                        const PlacementPolicy& policy, const CompileRefusals& refused = {});

// Logs the fallbacks as one warning when the policy is kWarn.
void WarnOfFallbacks(const Placement& placement, Fallback fallback);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_PLACEMENT_H_
