#include "core/measure/series.h"

#include <algorithm>
#include <cmath>

namespace midstream::measure {
namespace {

// Requires: sorted, not empty.
uint64_t Quantile(const std::vector<uint64_t>& sorted, double q) {
  const double rank = std::ceil(q * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace

std::vector<SeriesBin> MakeSeries(const std::vector<RequestSample>& samples, uint64_t begin_ns,
                                  uint64_t end_ns, size_t bins) {
  const double width = static_cast<double>(end_ns - begin_ns) / static_cast<double>(bins);
  std::vector<std::vector<uint64_t>> latencies(bins);
  for (const RequestSample& sample : samples) {
    if (sample.at_ns < begin_ns || sample.at_ns >= end_ns) continue;
    const auto bin = static_cast<size_t>(static_cast<double>(sample.at_ns - begin_ns) / width);
    latencies[std::min(bin, bins - 1)].push_back(sample.latency_ns);
  }
  std::vector<SeriesBin> series;
  for (size_t bin = 0; bin < bins; ++bin) {
    std::vector<uint64_t>& values = latencies[bin];
    if (values.empty()) continue;
    std::sort(values.begin(), values.end());
    const auto middle = static_cast<uint64_t>((static_cast<double>(bin) + 0.5) * width);
    series.push_back({begin_ns + middle, values.size(), Quantile(values, 0.5),
                      Quantile(values, 0.99), values.back()});
  }
  return series;
}

}  // namespace midstream::measure
