// Statistics of measured times: quantiles, and how sure a median or a ratio is.
//
// Intervals are 95 % percentile-bootstrap intervals of the median, a function of the values and the
// seed alone. They take their values to be independent. Single latencies are not (a slow second is
// slow for all of its requests), the medians of rounds nearly are: give it those.
#ifndef MIDSTREAM_CORE_MEASURE_STATISTICS_H_
#define MIDSTREAM_CORE_MEASURE_STATISTICS_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace midstream::measure {

// NaN throughout when there was no value. Of fewer than kFewestForInterval values it reaches from the
// least to the largest, which is less than 95 %.
struct Interval {
  double value, low, high;
};

// The q-quantile, linear between the two nearest values; q is held to [0, 1]. NaN of nothing.
// Requires: ascending.
double Quantile(std::span<const double> sorted, double q);

// The median. Takes time for at most kMostResampled values, whatever their number: above it the
// interval is that of the order statistics, to which the bootstrap converges.
Interval MedianInterval(std::span<const double> values, uint64_t seed);
inline constexpr size_t kMostResampled = 1000;
inline constexpr size_t kFewestForInterval = 6;  // 1 - 2 / 2^6 = 97 % lie between the ends

// The median over the rounds of b / a. A round without a time above 0 for both is left out. Requires:
// the same number of rounds.
Interval RatioInterval(std::span<const double> a_round_medians,
                       std::span<const double> b_round_medians, uint64_t seed);

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_STATISTICS_H_
