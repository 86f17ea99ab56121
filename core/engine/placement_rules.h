// The rules of [placement.op] and [placement.node], checked against the backends and the graph.
#ifndef MIDSTREAM_CORE_ENGINE_PLACEMENT_RULES_H_
#define MIDSTREAM_CORE_ENGINE_PLACEMENT_RULES_H_

#include <memory>
#include <vector>

#include "core/config/config.h"
#include "core/plan/placement.h"

namespace midstream {

// In the order in which they count: nodes before types, longer patterns before shorter ones. A rule
// for a backend that is missing here counts no more. Errors: INVALID_ARGUMENT naming file, line and
// key of every rule for a backend that is not in the order, or a type of operator that nobody knows.
Result<std::vector<plan::PlacementRule>> MakePlacementRules(
    const Config& config, const std::vector<std::shared_ptr<backend::Device>>& devices,
    const std::vector<PlacementReport::Missing>& missing);

// Errors: INVALID_ARGUMENT naming file, line and key of every node pattern that fits no node.
Status CheckPlacementPatterns(const Config& config, const Graph& graph);

// Logs the node patterns that fitted a node of the model and none of the graph that runs: its
// optimised nodes have other names or went.
void WarnOfIdlePatterns(const Config& config, const PlacementReport& report);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_ENGINE_PLACEMENT_RULES_H_
