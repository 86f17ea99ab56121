// In which dtypes a compiled program computes, and why: read off the program's own graph,
// placement and recipes, with the reasons that the precision pass left.
#ifndef MIDSTREAM_CORE_PLAN_PRECISION_REPORT_H_
#define MIDSTREAM_CORE_PLAN_PRECISION_REPORT_H_

#include <memory>
#include <string>
#include <vector>

#include "core/backend/handles.h"
#include "core/graph/precision_report.h"
#include "core/passes/passes.h"
#include "core/plan/placement.h"

namespace midstream::plan {

PrecisionReport MakePrecisionReport(const Graph& graph, const passes::PrecisionPolicy& policy,
                                    const passes::PrecisionPlan& plan, const Placement& placement,
                                    const std::vector<passes::Recipe>& recipes,
                                    const std::vector<std::shared_ptr<backend::Device>>& devices);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_PRECISION_REPORT_H_
