// The plots of the HTML report, each a picture of its own; empty where there is nothing to plot.
#ifndef MIDSTREAM_CORE_COMPARE_PLOTS_H_
#define MIDSTREAM_CORE_COMPARE_PLOTS_H_

#include <string>

#include "core/compare/report.h"

namespace midstream::compare {

// Which part of an arm's calls took at most how long.
std::string LatencyPlot(const Report& report);
// Ratio to the baseline with its interval, an arm a row.
std::string RatioPlot(const Report& report);
// The worst scaled error over the median latency, a point for each arm.
std::string AccuracyPlot(const Report& report);
// The longest nodes of one arm; arms have their own scales. index: of the arm.
std::string NodePlot(const Report& report, size_t index);
// The scaled error of the values that --layers compared, along the graph.
std::string LayerPlot(const Report& report);

// The class that colours what belongs to an arm.
std::string ArmClass(size_t index);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_PLOTS_H_
