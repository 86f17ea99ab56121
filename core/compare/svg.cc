#include "core/compare/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace midstream::compare {
namespace {

std::string Title(std::string_view tooltip) {
  return tooltip.empty() ? "" : fmt::format("<title>{}</title>", Escaped(tooltip));
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'') {
      escaped += fmt::format("&#{};", static_cast<int>(c));
    } else {
      escaped += (c >= 32 && c < 127) || c == '\n' ? c : '?';
    }
  }
  return escaped;
}

Axis::Axis(Scale scale, double low, double high, double pixel_low, double pixel_high)
    : scale_(scale), low_(low), high_(high), pixel_low_(pixel_low), pixel_high_(pixel_high) {
  if (scale == Scale::kLog) {
    const double missing = 0.5 - (std::log10(high_) - std::log10(low_));
    if (missing > 0) {
      low_ *= std::pow(10, -missing / 2);
      high_ *= std::pow(10, missing / 2);
    }
  } else if (high_ <= low_) {
    high_ = low_ + 1;
  }
}

double Axis::Position(double value) const {
  if (scale_ == Scale::kLinear) return (value - low_) / (high_ - low_);
  return (std::log10(value) - std::log10(low_)) / (std::log10(high_) - std::log10(low_));
}

double Axis::At(double value) const {
  return pixel_low_ + (pixel_high_ - pixel_low_) * std::clamp(Position(value), 0.0, 1.0);
}

std::vector<Axis::Tick> Axis::Ticks() const {
  std::vector<Tick> ticks;
  if (scale_ == Scale::kLinear) {
    const double rough = (high_ - low_) / 6;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    double step = 10 * power;
    for (const double factor : {5.0, 2.0, 1.0}) {
      if (factor * power >= rough) step = factor * power;
    }
    for (double tick = std::ceil(low_ / step); tick * step <= high_ * (1 + 1e-9); ++tick) {
      ticks.push_back({tick * step, true});
    }
    return ticks;
  }
  const double decades = std::log10(high_) - std::log10(low_);
  const int first = static_cast<int>(std::floor(std::log10(low_)));
  const int last = static_cast<int>(std::floor(std::log10(high_)));
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  for (int power = first; power <= last; ++power) {
    for (int digit = 1; digit <= 9; ++digit) {
      if (digit > 1 && decades > 6) break;
      const double value = digit * std::pow(10, power);
      if (value < low_ * (1 - 1e-9) || value > high_ * (1 + 1e-9)) continue;
      bool labelled = digit == 1 && (power - first) % stride == 0;
      if (decades <= 2.5) labelled = labelled || digit == 2 || digit == 5;
      if (decades <= 1) labelled = true;
      ticks.push_back({value, labelled});
    }
  }
  return ticks;
}

Svg::Svg(double width, double height, std::string_view label) {
  text_ = fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" "
      "aria-label=\"{2}\">\n",
      width, height, Escaped(label));
}

void Svg::Line(double x1, double y1, double x2, double y2, std::string_view classes) {
  text_ +=
      fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n",
                  x1, y1, x2, y2, classes);
}

void Svg::Rect(double x, double y, double width, double height, std::string_view classes,
               std::string_view tooltip) {
  text_ += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\">{}</rect>\n",
      x, y, std::max(width, 0.0), height, classes, Title(tooltip));
}

void Svg::Circle(double x, double y, double radius, std::string_view classes,
                 std::string_view tooltip) {
  text_ +=
      fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\">{}</circle>\n", x,
                  y, radius, classes, Title(tooltip));
}

void Svg::Polyline(const std::vector<std::pair<double, double>>& points, std::string_view classes) {
  text_ += "<polyline points=\"";
  for (const auto& [x, y] : points) text_ += fmt::format("{:.1f},{:.1f} ", x, y);
  text_ += fmt::format("\" class=\"{}\"/>\n", classes);
}

void Svg::Text(double x, double y, std::string_view anchor, std::string_view text,
               std::string_view classes) {
  text_ +=
      fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x,
                  y, anchor, classes, Escaped(text));
}

void Svg::TextUp(double x, double y, std::string_view text) {
  text_ += fmt::format(
      "<text transform=\"translate({:.1f},{:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
      x, y, Escaped(text));
}

}  // namespace midstream::compare
