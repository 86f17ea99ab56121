#include "core/measure/latency_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/measure/series.h"

namespace midstream::measure {
namespace {

constexpr double kWidth = 1080, kLeft = 78, kRight = 24;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = 330;
constexpr double kRugHeight = 14, kRugGap = 8;
constexpr double kLineHeight = 18;
constexpr size_t kBins = 300;  // of the whole run, at most
constexpr size_t kFewCommits = 200;
constexpr size_t kRequestsPerBin = 100;  // at least, so that p99 says something

constexpr const char* kMedianColor = "#1f5fa8";
constexpr const char* kP99Color = "#e07b00";
constexpr const char* kRequestColor = "#8fa9c4";
constexpr const char* kCommitColor = "#c2185b";

const char* Background(SliceKind kind) {
  switch (kind) {
    case SliceKind::kQuiet:
      return "#ffffff";
    case SliceKind::kUpdates:
      return "#fce9f0";
    case SliceKind::kMemcpy:
      return "#eef1f4";
  }
  return "#ffffff";
}

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&' || c == '"') {
      escaped += fmt::format("&#{};", static_cast<int>(c));
    } else {
      escaped += c >= 32 && c < 127 ? c : '?';
    }
  }
  return escaped;
}

std::string Duration(double nanoseconds) {
  if (nanoseconds < 1e3) return fmt::format("{:.3g} ns", nanoseconds);
  if (nanoseconds < 1e6) return fmt::format("{:.3g} us", nanoseconds / 1e3);
  if (nanoseconds < 1e9) return fmt::format("{:.3g} ms", nanoseconds / 1e6);
  return fmt::format("{:.3g} s", nanoseconds / 1e9);
}

// A distance between ticks that makes at most about ten of them.
double TickStep(double range) {
  const double rough = range / 10;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

class Chart {
 public:
  Chart(const LiveUpdateResult& result, const ChartText& text) : result_(result), text_(text) {
    for (const SliceSum& sum : result.sums) {
      samples_.insert(samples_.end(), sum.load.samples.begin(), sum.load.samples.end());
    }
    end_ns_ = result.slices.empty() ? result.start_ns + 1 : result.slices.back().end_ns;
    MakeCurves();
    ScaleLatency();
    top_ = 40 + kLineHeight * static_cast<double>(text.lines.size()) + 52;
    bottom_ = top_ + kPlotHeight;
    has_updates_ = result[SliceKind::kUpdates].load.answered > 0;
    height_ = bottom_ + (has_updates_ ? kRugGap + kRugHeight : 0) + 50 + TableHeight();
  }

  std::string Draw() {
    svg_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\" "
        "font-size=\"12\" fill=\"#333\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        kWidth, height_);
    Text(kLeft, 28, "start", text_.title, "font-size=\"17\" font-weight=\"bold\"");
    for (size_t i = 0; i < text_.lines.size(); ++i) {
      Text(kLeft, 48 + kLineHeight * static_cast<double>(i), "start", text_.lines[i],
           "fill=\"#666\"");
    }
    Slices();
    Axes();
    Dots();
    Curves(&SeriesBin::p99_ns, kP99Color);
    Curves(&SeriesBin::p50_ns, kMedianColor);
    Legend();
    if (has_updates_) CommitMarks();
    Table();
    return std::move(svg_) + "</svg>\n";
  }

 private:
  // Each slice has bins of its own, so that none mixes two kinds.
  void MakeCurves() {
    for (const Slice& slice : result_.slices) {
      const size_t enough = slice.load.answered / kRequestsPerBin;
      const size_t bins =
          std::clamp<size_t>(enough, 1, std::max<size_t>(1, kBins / result_.slices.size()));
      curves_.push_back({(slice.end_ns - slice.begin_ns) / bins,
                         MakeSeries(samples_, slice.begin_ns, slice.end_ns, bins)});
    }
  }

  void ScaleLatency() {
    uint64_t least = UINT64_MAX, most = 0;
    for (const RequestSample& sample : samples_) {
      least = std::min(least, sample.latency_ns);
      most = std::max(most, sample.latency_ns);
    }
    if (samples_.empty()) least = 1000, most = 10000;
    low_ = std::log10(std::max(1.0, static_cast<double>(least) * 0.8));
    high_ = std::log10(std::max(10.0, static_cast<double>(most) * 1.2));
    high_ = std::max(high_, low_ + 0.5);
  }

  double X(uint64_t at_ns) const {
    const double at = at_ns < result_.start_ns ? 0 : static_cast<double>(at_ns - result_.start_ns);
    return kLeft + kPlotWidth * at / static_cast<double>(end_ns_ - result_.start_ns);
  }
  double Y(double nanoseconds) const {
    const double at = (std::log10(std::max(1.0, nanoseconds)) - low_) / (high_ - low_);
    return bottom_ - kPlotHeight * std::clamp(at, 0.0, 1.0);
  }

  void Text(double x, double y, const char* anchor, const std::string& text,
            const std::string& attributes = "") {
    svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y,
                        anchor, attributes, Escaped(text));
  }
  void Line(double x1, double y1, double x2, double y2, const std::string& attributes) {
    svg_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1,
                        y1, x2, y2, attributes);
  }

  void Slices() {
    const bool room = result_.slices.size() <= 20;
    for (const Slice& slice : result_.slices) {
      const double x = X(slice.begin_ns), width = X(slice.end_ns) - x;
      svg_ += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>\n", x, top_,
          width, kPlotHeight, Background(slice.kind));
      if (!room) continue;
      Text(x + width / 2, top_ - 6, "middle", std::string(SliceKindName(slice.kind)),
           "font-size=\"10\" fill=\"#888\"");
    }
  }

  void Axes() {
    for (int power = static_cast<int>(std::floor(low_)); power <= high_; ++power) {
      for (int digit = 1; digit <= 9; ++digit) {
        const double value = digit * std::pow(10, power);
        const double at = std::log10(value);
        if (at < low_ || at > high_) continue;
        const bool labelled = digit == 1 || digit == 2 || digit == 5;
        Line(kLeft, Y(value), kLeft + kPlotWidth, Y(value),
             fmt::format("stroke=\"#000\" stroke-opacity=\"{}\"", labelled ? 0.12 : 0.04));
        if (labelled) Text(kLeft - 8, Y(value) + 4, "end", Duration(value));
      }
    }
    const double seconds = static_cast<double>(end_ns_ - result_.start_ns) * 1e-9;
    const double step = TickStep(seconds);
    const double below = bottom_ + (has_updates_ ? kRugGap + kRugHeight : 0);
    for (int tick = 0; tick * step <= seconds; ++tick) {
      const double x = kLeft + kPlotWidth * tick * step / seconds;
      Line(x, below, x, below + 5, "stroke=\"#333\"");
      Text(x, below + 18, "middle", fmt::format("{:.4g}", tick * step));
    }
    Text(kLeft + kPlotWidth / 2, below + 36, "middle", "time [s]");
    svg_ += fmt::format(
        "<rect x=\"{}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#333\"/>\n",
        kLeft, top_, kPlotWidth, kPlotHeight);
    const double middle = top_ + kPlotHeight / 2;
    Text(0, 0, "middle", "latency",
         fmt::format("transform=\"translate(18,{:.1f}) rotate(-90)\"", middle));
  }

  // A dot for each request, of those that fall on one pixel only one.
  void Dots() {
    std::vector<bool> drawn(static_cast<size_t>((kPlotWidth + 1) * (kPlotHeight + 1)));
    std::string path;
    for (const RequestSample& sample : samples_) {
      const int x = static_cast<int>(X(sample.at_ns) - kLeft);
      const int y = static_cast<int>(Y(static_cast<double>(sample.latency_ns)) - top_);
      if (x < 0 || x > kPlotWidth || y < 0 || y > kPlotHeight) continue;
      auto&& there = drawn[static_cast<size_t>(x) * static_cast<size_t>(kPlotHeight + 1) +
                           static_cast<size_t>(y)];
      if (there) continue;
      there = true;
      path += fmt::format("M{} {}h0", x, y);
    }
    svg_ += fmt::format(
        "<path transform=\"translate({:.1f} {:.1f})\" d=\"{}\" stroke=\"{}\" stroke-width=\"2\" "
        "stroke-linecap=\"round\"/>\n",
        kLeft + 0.5, top_ + 0.5, path, kRequestColor);
  }

  // A step for each bin.
  void Curves(uint64_t SeriesBin::*value, const char* color) {
    for (const Curve& curve : curves_) {
      std::string points;
      for (const SeriesBin& bin : curve.bins) {
        const double y = Y(static_cast<double>(bin.*value));
        points += fmt::format("{:.1f},{:.1f} {:.1f},{:.1f} ", X(bin.at_ns - curve.width_ns / 2), y,
                              X(bin.at_ns + curve.width_ns / 2), y);
      }
      if (points.empty()) continue;
      svg_ += fmt::format(
          "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" "
          "stroke-linejoin=\"round\"/>\n",
          points, color);
    }
  }

  void Legend() {
    std::vector<std::pair<const char*, std::string>> entries = {
        {kRequestColor, "a request, at its arrival"}, {kMedianColor, "p50"}, {kP99Color, "p99"}};
    if (has_updates_) entries.emplace_back(kCommitColor, "a commit");
    double x = kLeft;
    for (const auto& [color, name] : entries) {
      const double y = top_ - 26;
      Line(x, y, x + 18, y, fmt::format("stroke=\"{}\" stroke-width=\"3\"", color));
      Text(x + 24, y + 4, "start", name);
      x += 52 + 6.2 * static_cast<double>(name.size());
    }
  }

  // A mark for each commit, of those that fall on one half pixel only the first. Where there are
  // few, they run through the plot.
  void CommitMarks() {
    const double y = bottom_ + kRugGap;
    Text(kLeft - 8, y + 11, "end", "commits");
    std::string path;
    double last = -1;
    const std::vector<uint64_t>& commits = result_[SliceKind::kUpdates].update.commits_at_ns;
    for (const uint64_t at_ns : commits) {
      if (X(at_ns) - last < 0.5) continue;
      last = X(at_ns);
      if (commits.size() <= kFewCommits) {
        Line(last, top_, last, bottom_,
             fmt::format("stroke=\"{}\" stroke-opacity=\"0.2\"", kCommitColor));
      }
      path += fmt::format("M{:.1f} {:.1f}v{} ", last, y, kRugHeight);
    }
    svg_ +=
        fmt::format("<path d=\"{}\" stroke=\"{}\" stroke-width=\"0.8\"/>\n", path, kCommitColor);
  }

  double TableHeight() const {
    size_t rows = 1;
    for (const SliceSum& sum : result_.sums) rows += sum.load.answered > 0;
    return kLineHeight * static_cast<double>(rows) + 16;
  }

  void Table() {
    constexpr std::pair<const char*, double> kQuantiles[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
    constexpr double kColumn = 110;
    double y = height_ - TableHeight() + 14;
    double x = kLeft + 100;
    Text(x += kColumn, y, "end", "requests", "fill=\"#666\"");
    for (const auto& [name, q] : kQuantiles) Text(x += kColumn, y, "end", name, "fill=\"#666\"");
    Text(x += kColumn, y, "end", "changes/s", "fill=\"#666\"");
    for (size_t kind = 0; kind < kSliceKinds; ++kind) {
      const SliceSum& sum = result_.sums[kind];
      if (sum.load.answered == 0) continue;
      y += kLineHeight;
      x = kLeft + 100;
      Text(kLeft, y, "start", std::string(SliceKindName(static_cast<SliceKind>(kind))));
      Text(x += kColumn, y, "end", fmt::format("{}", sum.load.answered));
      for (const auto& [name, q] : kQuantiles) {
        Text(x += kColumn, y, "end",
             Duration(static_cast<double>(sum.load.latency_ns.Quantile(q))));
      }
      if (sum.update.updates > 0) {
        Text(x += kColumn, y, "end", fmt::format("{:.4g}", sum.update.rate()));
      }
    }
  }

  const LiveUpdateResult& result_;
  const ChartText& text_;
  std::vector<RequestSample> samples_;
  struct Curve {
    uint64_t width_ns;
    std::vector<SeriesBin> bins;
  };
  std::vector<Curve> curves_;  // by slice
  uint64_t end_ns_ = 0;
  double low_ = 0, high_ = 1;  // log10 of nanoseconds
  double top_ = 0, bottom_ = 0, height_ = 0;
  bool has_updates_ = false;
  std::string svg_;
};

}  // namespace

std::string LatencyChart(const LiveUpdateResult& result, const ChartText& text) {
  return Chart(result, text).Draw();
}

}  // namespace midstream::measure
