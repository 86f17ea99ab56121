#include "core/compare/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/compare/svg.h"
#include "core/compare/tables.h"

namespace midstream::compare {
namespace {

constexpr double kWidth = 720, kHeight = 320;
constexpr double kLeft = 76, kRight = 20, kTop = 16, kBottom = 52;
constexpr double kRowHeight = 26;
constexpr size_t kCurvePoints = 200;
constexpr size_t kBars = 12;
constexpr size_t kColors = 6;

using Range = std::pair<double, double>;

void Widen(Range* range, double value) {
  if (!std::isfinite(value) || value <= 0) return;
  range->first = std::min(range->first, value);
  range->second = std::max(range->second, value);
}

Range Nothing() { return {std::numeric_limits<double>::infinity(), 0}; }

std::string Milliseconds(double ms) {
  if (ms < 1e-3) return fmt::format("{:.3g} ns", ms * 1e6);
  if (ms < 1) return fmt::format("{:.3g} us", ms * 1e3);
  if (ms < 1000) return fmt::format("{:.3g} ms", ms);
  return fmt::format("{:.3g} s", ms * 1e-3);
}

// The end of a name tells more than its beginning.
std::string Tail(const std::string& name, size_t most) {
  return name.size() <= most ? name : ".." + name.substr(name.size() - (most - 2));
}

std::string Power(double value) { return fmt::format("{:.0e}", value); }

void BottomAxis(Svg& svg, const Axis& axis, double top, double bottom, std::string_view name,
                std::string (*label)(double)) {
  for (const Axis::Tick& tick : axis.Ticks()) {
    svg.Line(axis.At(tick.value), top, axis.At(tick.value), bottom,
             tick.labelled ? "grid" : "grid faint");
    if (tick.labelled) svg.Text(axis.At(tick.value), bottom + 18, "middle", label(tick.value));
  }
  svg.Line(axis.At(axis.low()), bottom, axis.At(axis.high()), bottom, "frame");
  svg.Text((axis.At(axis.low()) + axis.At(axis.high())) / 2, bottom + 40, "middle", name, "name");
}

void LeftAxis(Svg& svg, const Axis& axis, double left, double right, std::string_view name,
              std::string (*label)(double)) {
  for (const Axis::Tick& tick : axis.Ticks()) {
    svg.Line(left, axis.At(tick.value), right, axis.At(tick.value),
             tick.labelled ? "grid" : "grid faint");
    if (tick.labelled) svg.Text(left - 8, axis.At(tick.value) + 4, "end", label(tick.value));
  }
  svg.Line(left, axis.At(axis.low()), left, axis.At(axis.high()), "frame");
  svg.TextUp(16, (axis.At(axis.low()) + axis.At(axis.high())) / 2, name);
}

size_t Timed(const Report& report) {
  return static_cast<size_t>(std::count_if(report.arms.begin(), report.arms.end(),
                                           [](const auto& arm) { return arm.speed.has_value(); }));
}

}  // namespace

std::string ArmClass(size_t index) { return fmt::format("arm{}", index % kColors); }

std::string LatencyPlot(const Report& report) {
  Range range = Nothing();
  for (const ArmReport& arm : report.arms) {
    if (!arm.speed) continue;
    Widen(&range, arm.speed->latencies_ns.front() * 1e-6);
    Widen(&range, arm.speed->p999_ns * 1e-6);
  }
  if (Timed(report) == 0 || range.second == 0) return "";
  Svg svg(kWidth, kHeight, "Cumulative distribution of latencies");
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  const Axis x(Axis::Scale::kLog, range.first * 0.9, range.second * 1.1, kLeft, right);
  const Axis y(Axis::Scale::kLinear, 0, 100, bottom, kTop);
  LeftAxis(svg, y, kLeft, right, "calls, %",
           [](double percent) { return fmt::format("{:.0f}", percent); });
  BottomAxis(svg, x, kTop, bottom, "latency (up to p99.9 of each arm)", Milliseconds);
  for (size_t i = 0; i < report.arms.size(); ++i) {
    if (!report.arms[i].speed) continue;
    const Speed& speed = *report.arms[i].speed;
    std::vector<std::pair<double, double>> points;
    for (size_t k = 0; k <= kCurvePoints; ++k) {
      const double q = 0.999 * static_cast<double>(k) / kCurvePoints;
      const double ms = measure::Quantile(speed.latencies_ns, q) * 1e-6;
      points.emplace_back(x.At(std::max(ms, x.low())), y.At(q * 100));
    }
    svg.Polyline(points, "curve " + ArmClass(i));
    for (const auto& [q, name] : {std::pair(0.5, "p50"), {0.9, "p90"}, {0.99, "p99"}}) {
      const double ms = measure::Quantile(speed.latencies_ns, q) * 1e-6;
      svg.Circle(x.At(std::max(ms, x.low())), y.At(q * 100), 3.5, "dot " + ArmClass(i),
                 fmt::format("{} {} {}", report.arms[i].name, name, Milliseconds(ms)));
    }
  }
  return svg.Finish();
}

std::string RatioPlot(const Report& report) {
  if (Timed(report) < 2) return "";
  Range range = {1, 1};
  for (const ArmReport& arm : report.arms) {
    if (!arm.speed) continue;
    Widen(&range, arm.speed->ratio.low);
    Widen(&range, arm.speed->ratio.high);
  }
  const double left = 190, right = kWidth - 130;
  const double bottom = kTop + kRowHeight * static_cast<double>(Timed(report));
  Svg svg(kWidth, bottom + kBottom, "Ratio of the median latency to the baseline's");
  const Axis x(Axis::Scale::kLog, range.first / 1.2, range.second * 1.2, left, right);
  BottomAxis(svg, x, kTop, bottom, "ratio of median latency to the baseline (log scale)",
             [](double ratio) { return fmt::format("{:.3g}x", ratio); });
  svg.Line(x.At(1), kTop, x.At(1), bottom, "frame");
  double y = kTop + kRowHeight / 2;
  for (size_t i = 0; i < report.arms.size(); ++i) {
    if (!report.arms[i].speed) continue;
    const Speed& speed = *report.arms[i].speed;
    svg.Text(left - 12, y + 4, "end", Tail(report.arms[i].name, 26), "name");
    svg.Line(x.At(speed.ratio.low), y, x.At(speed.ratio.high), y, "whisker " + ArmClass(i));
    svg.Circle(x.At(speed.ratio.value), y, 4.5, "dot " + ArmClass(i),
               fmt::format("{} [{}, {}]", Short(speed.ratio.value), Short(speed.ratio.low),
                           Short(speed.ratio.high)));
    std::string label = Short(speed.ratio.value) + "x";
    if (speed.verdict != Verdict::kNone) {
      label += fmt::format(" ({})", VerdictName(speed.verdict));
    }
    svg.Text(right + 12, y + 4, "start", i == report.baseline ? "baseline" : label);
    y += kRowHeight;
  }
  return svg.Finish();
}

namespace {

struct Box {
  double left, top, right, bottom;
  bool Meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// Names beside points, each where it meets no point and no other name; left out where it always does.
class Labels {
 public:
  Labels(double left, double right) : left_(left), right_(right) {}
  void AddPoint(double x, double y) { taken_.push_back({x - 7, y - 7, x + 7, y + 7}); }
  void Write(Svg& svg, double x, double y, const std::string& text) {
    const double width = 7.0 * static_cast<double>(text.size());
    for (const bool rightward : {true, false}) {
      for (const double down : {-8.0, 16.0, 4.0}) {
        const double from = rightward ? x + 11 : x - 11 - width;
        const Box box{from, y + down - 11, from + width, y + down + 3};
        const bool free = std::none_of(taken_.begin(), taken_.end(),
                                       [&](const Box& other) { return box.Meets(other); });
        if (!free || box.left < left_ || box.right > right_) continue;
        taken_.push_back(box);
        svg.Text(rightward ? x + 11 : x - 11, y + down, rightward ? "start" : "end", text, "name");
        return;
      }
    }
  }

 private:
  double left_, right_;
  std::vector<Box> taken_;
};

}  // namespace

std::string AccuracyPlot(const Report& report) {
  if (Timed(report) == 0) return "";
  Range times = Nothing(), errors = Nothing();
  for (const ArmReport& arm : report.arms) {
    if (!arm.speed) continue;
    Widen(&times, arm.speed->median_ns.low * 1e-6);
    Widen(&times, arm.speed->median_ns.high * 1e-6);
    Widen(&errors, WorstScaled(arm).value_or(0));
  }
  if (times.second == 0) return "";
  if (errors.second == 0) errors = {1e-8, 1e-6};
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  const double exact = bottom - 14;  // where an error of 0 is drawn, below the axis of errors
  Svg svg(kWidth, kHeight, "Worst scaled error over median latency");
  const Axis x(Axis::Scale::kLog, times.first / 1.5, times.second * 1.5, kLeft, right);
  const Axis y(Axis::Scale::kLog, errors.first / 5, errors.second * 5, exact - 18, kTop + 16);
  LeftAxis(svg, y, kLeft, right, "worst error / scale", Power);
  BottomAxis(svg, x, kTop, bottom, "median latency", Milliseconds);
  svg.Line(kLeft, exact, right, exact, "grid");
  svg.Text(kLeft - 8, exact + 4, "end", "equal");
  svg.Text(kLeft - 8, kTop + 6, "end", "inf");
  const auto at = [&](const ArmReport& arm) {
    const double error = WorstScaled(arm).value_or(0);
    return std::pair(x.At(arm.speed->median_ns.value * 1e-6), error == 0             ? exact
                                                              : std::isfinite(error) ? y.At(error)
                                                                                     : kTop + 2);
  };
  Labels labels(kLeft, right);
  for (size_t i = 0; i < report.arms.size(); ++i) {
    const ArmReport& arm = report.arms[i];
    if (!arm.speed) continue;
    const auto [at_x, at_y] = at(arm);
    labels.AddPoint(at_x, at_y);
    svg.Line(x.At(arm.speed->median_ns.low * 1e-6), at_y, x.At(arm.speed->median_ns.high * 1e-6),
             at_y, "whisker " + ArmClass(i));
    svg.Circle(
        at_x, at_y, 6, "dot " + ArmClass(i),
        fmt::format("{}: {}, error {}", arm.name, Milliseconds(arm.speed->median_ns.value * 1e-6),
                    ErrorText(WorstScaled(arm).value_or(0))));
  }
  for (size_t i = 0; i < report.arms.size(); ++i) {
    const ArmReport& arm = report.arms[i];
    if (!arm.speed) continue;
    const auto [at_x, at_y] = at(arm);
    labels.Write(svg, at_x, at_y,
                 i == report.baseline ? Tail(arm.name, 24) + " (baseline)" : Tail(arm.name, 30));
  }
  return svg.Finish();
}

std::string NodePlot(const Report& report, size_t index) {
  std::vector<NodeTime> nodes = report.arms[index].nodes;
  if (nodes.empty()) return "";
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const NodeTime& a, const NodeTime& b) { return a.mean_ns > b.mean_ns; });
  double total = 0;
  for (const NodeTime& node : nodes) total += node.mean_ns;
  if (nodes.size() > kBars) {
    NodeTime others{fmt::format("{} other nodes", nodes.size() - kBars), "", "", "", 0};
    for (size_t i = kBars; i < nodes.size(); ++i) others.mean_ns += nodes[i].mean_ns;
    nodes.resize(kBars);
    nodes.push_back(std::move(others));
  }
  double most = 0;
  for (const NodeTime& node : nodes) most = std::max(most, node.mean_ns);
  if (most == 0) return "";
  const double left = 250, right = kWidth - 110;
  const double bottom = kTop + kRowHeight * static_cast<double>(nodes.size());
  Svg svg(kWidth, bottom + kBottom, "Time per node of " + report.arms[index].name);
  const Axis x(Axis::Scale::kLinear, 0, most * 1e-3, left, right);
  BottomAxis(svg, x, kTop, bottom, "time of one inference, us", Short);
  double y = kTop;
  for (const NodeTime& node : nodes) {
    svg.Text(left - 8, y + kRowHeight / 2 + 4, "end", Tail(node.name, 36));
    svg.Rect(left, y + 4, x.At(node.mean_ns * 1e-3) - left, kRowHeight - 8,
             "bar " + ArmClass(index),
             fmt::format("{} {} on {} {}: {} us", node.op, node.name, node.backend, node.kernel,
                         Short(node.mean_ns * 1e-3)));
    svg.Text(x.At(node.mean_ns * 1e-3) + 6, y + kRowHeight / 2 + 4, "start",
             fmt::format("{} ({:.0f} %)", Short(node.mean_ns * 1e-3), 100 * node.mean_ns / total));
    y += kRowHeight;
  }
  return svg.Finish();
}

std::string LayerPlot(const Report& report) {
  Range errors = Nothing();
  double nodes = 0;
  for (const ArmReport& arm : report.arms) {
    if (!arm.layers) continue;
    for (const LayerValue& value : arm.layers->values) {
      nodes = std::max(nodes, static_cast<double>(value.node));
      Widen(&errors, value.difference.scaled);
    }
  }
  if (nodes == 0) return "";
  if (errors.second == 0) errors = {1e-8, 1e-6};
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  const double exact = bottom - 14;
  Svg svg(kWidth, kHeight, "Scaled error along the compiled graph");
  const Axis x(Axis::Scale::kLinear, 0, nodes, kLeft + 8, right - 8);
  const Axis y(Axis::Scale::kLog, errors.first / 3, errors.second * 3, exact - 18, kTop);
  LeftAxis(svg, y, kLeft, right, "error / scale", Power);
  BottomAxis(svg, x, kTop, bottom, "node of the arm's compiled graph",
             [](double node) { return fmt::format("{:.4g}", node); });
  svg.Line(kLeft, exact, right, exact, "grid");
  svg.Text(kLeft - 8, exact + 4, "end", "equal");
  for (size_t i = 0; i < report.arms.size(); ++i) {
    if (!report.arms[i].layers) continue;
    for (const LayerValue& value : report.arms[i].layers->values) {
      const double error = value.difference.scaled;
      const double at_y = error == 0 ? exact : y.At(std::min(error, y.high()));
      const bool within = value.difference.within();
      svg.Circle(x.At(static_cast<double>(value.node)), at_y, within ? 4 : 6,
                 (within ? "dot " : "dot bad ") + ArmClass(i),
                 fmt::format("{}: node {}, {}: {}{}", report.arms[i].name, value.node, value.name,
                             ErrorText(error), within ? "" : ", outside the tolerance"));
    }
  }
  return svg.Finish();
}

}  // namespace midstream::compare
