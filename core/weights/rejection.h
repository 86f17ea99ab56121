// Why an update is refused: what is counted, and what is told.
#ifndef MIDSTREAM_CORE_WEIGHTS_REJECTION_H_
#define MIDSTREAM_CORE_WEIGHTS_REJECTION_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::weights {

enum class Reason {
  kUnknown,    // a name that the model does not have
  kDuplicate,  // a name that was given twice
  kMissing,    // a weight that the check mode asks for
  kDType,
  kShape,
  kRows,
  kNotFinite,
  kDigest,
  kStaleBase,
  kSource,   // the value could not be read from where it comes from
  kMemory,   // over weights.memory_limit
  kBackend,  // a backend or a recipe failed
  kState,    // nothing was given, the update or the model is over
};

// "unknown", "duplicate", ... as ModelStats::rejected has them.
std::string_view ReasonName(Reason reason);

struct Problem {
  Reason reason;
  Status status;  // its message names the tensor
};

// One error that lists every problem under the code of the first.
Status Refusal(const std::vector<Problem>& problems);

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_REJECTION_H_
