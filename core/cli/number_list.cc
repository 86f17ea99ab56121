#include "core/cli/number_list.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

namespace midstream::cli {
namespace {

// One element of a list: "4", "1-8", "1-9+2" or "1-8*2", as text.
struct Element {
  std::string_view first;
  std::string_view last = {};  // empty: one number
  char step = '+';
  std::string_view by = {};  // empty: 1
};

std::optional<Element> Split(std::string_view text) {
  Element element{text};
  const size_t dash = text.find('-', 1);  // in front it is a sign
  if (dash == std::string_view::npos) return element;
  element.first = text.substr(0, dash);
  std::string_view rest = text.substr(dash + 1);
  const size_t step = rest.find_first_of("+*");
  element.last = rest.substr(0, step);
  if (step != std::string_view::npos) {
    element.step = rest[step];
    element.by = rest.substr(step + 1);
    if (element.by.empty()) return std::nullopt;
  }
  if (element.last.empty()) return std::nullopt;
  return element;
}

// Decimal digits with or without a fraction: an exponent would be one more use of the minus sign.
std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error == std::errc::result_out_of_range && at == end) return HUGE_VAL;
  if (error != std::errc() || at != end || std::isnan(value)) return std::nullopt;
  return value;
}

class Parser {
 public:
  explicit Parser(const NumberRule& rule) : rule_(rule) {}

  Status Add(std::string_view text) {
    const std::optional<Element> element = Split(text);
    if (!element) return NoList(text);
    MS_ASSIGN_OR_RETURN(const double first, Number(element->first, text));
    if (element->last.empty()) return Append(first, text);
    MS_ASSIGN_OR_RETURN(const double last, Number(element->last, text));
    MS_RETURN_IF_ERROR(Ascending(first, last, text));
    double by = 1;
    if (!element->by.empty()) {
      const std::optional<double> given = ParseNumber(element->by);
      if (!given || (rule_.whole && *given != std::floor(*given))) return NoList(text);
      by = *given;
    }
    if (!(element->step == '+' ? by > 0 : by > 1)) {
      return InvalidArgument(
          fmt::format("'{}' does not go on: it needs a step above {}", text,
                      element->step == '+' ? "0, as in 1-9+2" : "1, as in 1-8*2"));
    }
    // By index, so that fractions do not add up.
    for (double i = 0;; ++i) {
      const double value = element->step == '+' ? first + i * by : first * std::pow(by, i);
      if (!(value <= last * (1 + 1e-12))) return OkStatus();
      MS_RETURN_IF_ERROR(Append(value, text));
    }
  }

  Result<Bounds> Ends(std::string_view text) const {
    const std::optional<Element> element = Split(text);
    if (!element || element->last.empty() || !element->by.empty()) {
      return InvalidArgument(
          fmt::format("'{}' is no range to search: expected LOW-HIGH, such as 1-64", text));
    }
    MS_ASSIGN_OR_RETURN(const double low, Number(element->first, text));
    MS_ASSIGN_OR_RETURN(const double high, Number(element->last, text));
    MS_RETURN_IF_ERROR(Ascending(low, high, text));
    return Bounds{low, high};
  }

  std::vector<double> Take() { return std::move(numbers_); }

 private:
  Status NoList(std::string_view text) const {
    return InvalidArgument(fmt::format(
        "'{}' is no {}number, list or range: expected such as 4, 1,2,4, 1-8, 1-9+2 or 1-8*2", text,
        rule_.whole ? "whole " : ""));
  }

  Result<double> Number(std::string_view number, std::string_view text) const {
    const std::optional<double> value = ParseNumber(number);
    if (!value || (rule_.whole && *value != std::floor(*value))) return NoList(text);
    if (*value >= rule_.least && *value <= rule_.most) return *value;
    return InvalidArgument(
        fmt::format("'{}' is not from {} to {}", text, Text(rule_.least), Text(rule_.most)));
  }

  std::string Text(double bound) const {
    return rule_.whole ? fmt::format("{:.0f}", bound) : fmt::format("{:g}", bound);
  }

  static Status Ascending(double first, double last, std::string_view text) {
    if (first <= last) return OkStatus();
    return InvalidArgument(
        fmt::format("'{}' runs backwards: the smaller number comes first", text));
  }

  Status Append(double value, std::string_view text) {
    if (numbers_.size() == kMostNumbers) {
      return InvalidArgument(
          fmt::format("'{}' makes more than {} numbers, which is the limit", text, kMostNumbers));
    }
    numbers_.push_back(value);
    return OkStatus();
  }

  const NumberRule rule_;
  std::vector<double> numbers_;
};

}  // namespace

Result<std::vector<double>> ParseNumbers(std::string_view text, const NumberRule& rule) {
  Parser parser(rule);
  while (true) {
    const size_t comma = text.find(',');
    MS_RETURN_IF_ERROR(parser.Add(text.substr(0, comma)));
    if (comma == std::string_view::npos) return parser.Take();
    text.remove_prefix(comma + 1);
  }
}

Result<Bounds> ParseBounds(std::string_view text, const NumberRule& rule) {
  return Parser(rule).Ends(text);
}

}  // namespace midstream::cli
