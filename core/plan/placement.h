// Placement: which device computes which node.
//
// Devices are asked in the order of the configuration; a node goes to the first that claims it.
// Whether it may go past the first is the fallback policy. Every refusal is kept with its reason,
// for the report.
#ifndef MIDSTREAM_CORE_PLAN_PLACEMENT_H_
#define MIDSTREAM_CORE_PLAN_PLACEMENT_H_

#include <memory>
#include <string>
#include <vector>

#include "core/backend/handles.h"
#include "core/graph/graph.h"

namespace midstream::plan {

enum class Fallback { kError, kWarn, kAllow };

struct Placement {
  std::vector<size_t> device_of;           // per node: index into the devices
  std::vector<backend::NodeClaim> claims;  // per node: the answer of that device
  std::vector<std::string>
      fallbacks;  // "LRN 'norm1' runs on reference: cpu_blas does not know the operator"
};

// Errors: UNIMPLEMENTED listing every node that no device takes; FAILED_PRECONDITION listing every
// node that the first device refused when fallback is kError. Fallbacks are logged as one warning
// when it is kWarn.
Result<Placement> Place(const Graph& graph,
                        const std::vector<std::shared_ptr<backend::Device>>& devices,
                        Fallback fallback);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_PLACEMENT_H_
