// LatencyChart: latency over the time of a live-update run as one SVG picture, commits marked.
#ifndef MIDSTREAM_CORE_MEASURE_LATENCY_CHART_H_
#define MIDSTREAM_CORE_MEASURE_LATENCY_CHART_H_

#include <string>
#include <vector>

#include "core/measure/live_update.h"

namespace midstream::measure {

struct ChartText {
  std::string title;
  std::vector<std::string> lines;  // below the title
};

// A complete SVG document. Texts may hold anything; what XML cannot hold becomes '?'.
std::string LatencyChart(const LiveUpdateResult& result, const ChartText& text);

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_LATENCY_CHART_H_
