// Which operators a device takes at all, for reports.
#ifndef MIDSTREAM_CORE_PLAN_CLAIMED_OPERATORS_H_
#define MIDSTREAM_CORE_PLAN_CLAIMED_OPERATORS_H_

#include <string>
#include <vector>

#include "core/backend/handles.h"

namespace midstream::plan {

// Each operator that the core knows is offered alone, in a few plain forms (4-d, 2-d and 1-d
// float32, integer and bool inputs); listed are those of which the device claims at least one form.
// Sorted; ours as "midstream.Conv".
std::vector<std::string> ClaimedOperators(const backend::Device& device);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_CLAIMED_OPERATORS_H_
