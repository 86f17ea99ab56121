// Svg: a picture with axes, as text. Colours are classes ("arm0", "grid", "ink"), so that the page
// around it gives them for light and dark screens.
#ifndef MIDSTREAM_CORE_COMPARE_SVG_H_
#define MIDSTREAM_CORE_COMPARE_SVG_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace midstream::compare {

// Text for HTML and SVG; bytes that are no printable ASCII become "?", so that any name is harmless.
std::string Escaped(std::string_view text);

// From numbers to pixels.
class Axis {
 public:
  enum class Scale { kLinear, kLog };
  // Covers both ends; of a log axis at least half a decade. Requires: of a log axis, both above 0.
  Axis(Scale scale, double low, double high, double pixel_low, double pixel_high);

  double At(double value) const;
  double low() const { return low_; }
  double high() const { return high_; }
  // Where lines go; labels at some of them only.
  struct Tick {
    double value;
    bool labelled;
  };
  std::vector<Tick> Ticks() const;

 private:
  double Position(double value) const;
  Scale scale_;
  double low_, high_, pixel_low_, pixel_high_;
};

class Svg {
 public:
  Svg(double width, double height, std::string_view label);

  void Line(double x1, double y1, double x2, double y2, std::string_view classes);
  void Rect(double x, double y, double width, double height, std::string_view classes,
            std::string_view tooltip = "");
  void Circle(double x, double y, double radius, std::string_view classes,
              std::string_view tooltip = "");
  void Polyline(const std::vector<std::pair<double, double>>& points, std::string_view classes);
  // anchor: "start", "middle" or "end".
  void Text(double x, double y, std::string_view anchor, std::string_view text,
            std::string_view classes = "");
  // Upwards, for the name of a vertical axis.
  void TextUp(double x, double y, std::string_view text);

  std::string Finish() { return std::move(text_) + "</svg>\n"; }

 private:
  std::string text_;
};

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_SVG_H_
