#include "core/measure/threshold_search.h"

#include <fmt/format.h>

#include <cmath>

namespace midstream::measure {
namespace {

// Between two loads; one of them when there is nothing between them that is worth a probe. Loads
// that are not whole numbers are halved by ratio: 100 and 10000 have 1000 between them.
double Middle(const SearchOptions& options, double low, double high) {
  if (options.whole) return std::floor(low + (high - low) / 2);
  return high <= low * (1 + options.precision) ? low : std::sqrt(low) * std::sqrt(high);
}

}  // namespace

Result<std::optional<double>> FindHighest(const SearchOptions& options, const Probe& probe) {
  double low = options.low, high = options.high;
  if (!(low > 0 && low <= high && std::isfinite(high) && options.precision > 0)) {
    return InvalidArgument(
        fmt::format("a search needs bounds above 0 in ascending order, not {} and {}", low, high));
  }
  MS_ASSIGN_OR_RETURN(const bool holds_low, probe(low));
  if (!holds_low) return std::optional<double>();
  if (low == high) return std::optional<double>(low);
  MS_ASSIGN_OR_RETURN(const bool holds_high, probe(high));
  if (holds_high) return std::optional<double>(high);
  for (double middle = Middle(options, low, high); middle > low && middle < high;
       middle = Middle(options, low, high)) {
    MS_ASSIGN_OR_RETURN(const bool holds, probe(middle));
    (holds ? low : high) = middle;
  }
  return std::optional<double>(low);
}

}  // namespace midstream::measure
