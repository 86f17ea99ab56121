#include "core/compare/report.h"

#include <algorithm>
#include <limits>

namespace midstream::compare {

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNone:
      return "";
    case Verdict::kFaster:
      return "faster";
    case Verdict::kSlower:
      return "slower";
  }
  return "";
}

std::optional<double> WorstScaled(const ArmReport& arm) {
  if (!arm.ran()) return std::nullopt;
  double worst = 0;
  for (const VersionReport& version : arm.versions) {
    for (const OutputDifference& output : version.outputs) {
      const bool comparable = output.problem.empty() && output.difference.nonfinite == 0;
      worst = std::max(
          worst, comparable ? output.difference.scaled : std::numeric_limits<double>::infinity());
    }
  }
  return worst;
}

}  // namespace midstream::compare
