// Which operators a device takes at all, and in which dtypes, for reports.
#ifndef MIDSTREAM_CORE_PLAN_CLAIMED_OPERATORS_H_
#define MIDSTREAM_CORE_PLAN_CLAIMED_OPERATORS_H_

#include <string>
#include <vector>

#include "core/backend/handles.h"
#include "core/graph/dtype.h"

namespace midstream::plan {

// An operator and the dtypes of its data, in the order of DataDTypes.
struct OperatorDTypes {
  std::string name;  // ours as "midstream.Conv"
  std::vector<DType> dtypes;
};

// Every operator that the core knows, sorted, with the dtypes in which the device claims at least one
// of its plain forms (operator_forms.h).
std::vector<OperatorDTypes> ClaimedDTypes(const backend::Device& device);

// The names of those that the device claims in any dtype. Sorted.
std::vector<std::string> ClaimedOperators(const backend::Device& device);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_CLAIMED_OPERATORS_H_
