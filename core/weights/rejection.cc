#include "core/weights/rejection.h"

namespace midstream::weights {

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kUnknown:
      return "unknown";
    case Reason::kDuplicate:
      return "duplicate";
    case Reason::kMissing:
      return "missing";
    case Reason::kDType:
      return "dtype";
    case Reason::kShape:
      return "shape";
    case Reason::kRows:
      return "rows";
    case Reason::kNotFinite:
      return "not_finite";
    case Reason::kDigest:
      return "digest";
    case Reason::kStaleBase:
      return "stale_base";
    case Reason::kSource:
      return "source";
    case Reason::kMemory:
      return "memory";
    case Reason::kBackend:
      return "backend";
    case Reason::kState:
      break;
  }
  return "state";
}

Status Refusal(const std::vector<Problem>& problems) {
  std::string text =
      "the update is refused, nothing was changed: " + std::to_string(problems.size()) +
      (problems.size() == 1 ? " problem" : " problems");
  for (const Problem& problem : problems) text += "\n  " + std::string(problem.status.message());
  return {problems.front().status.code(), text};
}

}  // namespace midstream::weights
