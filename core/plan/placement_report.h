// Which backend of a compiled program runs what, read off the program's own placement and layout.
#ifndef MIDSTREAM_CORE_PLAN_PLACEMENT_REPORT_H_
#define MIDSTREAM_CORE_PLAN_PLACEMENT_REPORT_H_

#include <memory>
#include <vector>

#include "core/graph/placement_report.h"
#include "core/plan/memory_layout.h"
#include "core/plan/placement.h"

namespace midstream::plan {

// segments: those of the program, in order.
PlacementReport MakePlacementReport(const Graph& graph, const Placement& placement,
                                    const std::vector<SegmentNodes>& segments,
                                    const std::vector<std::shared_ptr<backend::Device>>& devices);

// Adds what crosses memories when the inputs have these shapes. shaped: the graph at them.
void AddTransfers(const Graph& shaped, const std::vector<SegmentNodes>& segments,
                  const std::vector<std::shared_ptr<backend::Device>>& devices,
                  PlacementReport* report);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_PLACEMENT_REPORT_H_
