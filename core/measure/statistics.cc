#include "core/measure/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace midstream::measure {
namespace {

constexpr int kResamples = 2000;
constexpr double kTail = 0.025;  // on each side of a 95 % interval
constexpr double kTailDeviations = 1.959964;

// Uniform in [0, count), the same on every machine. Requires: count <= 2^32.
size_t Draw(std::mt19937_64& random, size_t count) { return ((random() >> 32) * count) >> 32; }

double Median(std::vector<double>& values) {
  const size_t half = values.size() / 2;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(half);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Interval Bootstrap(std::span<const double> sorted, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> medians, resample(sorted.size());
  medians.reserve(kResamples);
  for (int i = 0; i < kResamples; ++i) {
    for (double& value : resample) value = sorted[Draw(random, sorted.size())];
    medians.push_back(Median(resample));
  }
  std::sort(medians.begin(), medians.end());
  return {Quantile(sorted, 0.5), Quantile(medians, kTail), Quantile(medians, 1 - kTail)};
}

// Where the median of as many draws lies: half of them, give or take a binomial's deviation.
Interval OrderStatistics(std::span<const double> sorted) {
  const double q = kTailDeviations / (2 * std::sqrt(static_cast<double>(sorted.size())));
  return {Quantile(sorted, 0.5), Quantile(sorted, 0.5 - q), Quantile(sorted, 0.5 + q)};
}

}  // namespace

double Quantile(std::span<const double> sorted, double q) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(rank);
  if (below + 1 >= sorted.size()) return sorted.back();
  return std::lerp(sorted[below], sorted[below + 1], rank - static_cast<double>(below));
}

Interval MedianInterval(std::span<const double> values, uint64_t seed) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  if (sorted.size() < kFewestForInterval) {
    return {Quantile(sorted, 0.5), Quantile(sorted, 0), Quantile(sorted, 1)};
  }
  return sorted.size() > kMostResampled ? OrderStatistics(sorted) : Bootstrap(sorted, seed);
}

Interval RatioInterval(std::span<const double> a_round_medians,
                       std::span<const double> b_round_medians, uint64_t seed) {
  std::vector<double> ratios;
  for (size_t round = 0; round < a_round_medians.size(); ++round) {
    const double a = a_round_medians[round], b = b_round_medians[round];
    if (a > 0 && b > 0) ratios.push_back(b / a);
  }
  return MedianInterval(ratios, seed);
}

}  // namespace midstream::measure
