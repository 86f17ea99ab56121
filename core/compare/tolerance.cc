#include "core/compare/tolerance.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/graph/named_tensor.h"

namespace midstream::compare {
namespace {

// The one table of tolerances. Each is some hundred units of the last place: what sums of a few
// thousand terms in another order may differ by.
struct Row {
  DType dtype;
  double tolerance;
};
constexpr Row kTolerances[] = {
    {DType::kF64, 1e-12}, {DType::kF32, 1e-4}, {DType::kF16, 2e-2}, {DType::kBF16, 1e-1}};

// A number of 0 or more that takes the whole text.
std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

}  // namespace

double ToleranceOf(DType dtype) {
  for (const Row& row : kTolerances) {
    if (row.dtype == dtype) return row.tolerance;
  }
  return 0;
}

Result<PerOutput> PerOutput::Parse(const std::vector<std::string>& texts, std::string_view option) {
  PerOutput parsed;
  for (const std::string& text : texts) {
    // The last colon that has a number behind it: names of outputs may end in ":1".
    const size_t colon = text.rfind(':');
    const bool named = colon != std::string::npos;
    const auto value = ParseNumber(named ? std::string_view(text).substr(colon + 1) : text);
    if (!value || (named && colon == 0)) {
      return InvalidArgument(fmt::format(
          "{}: '{}' is no tolerance: expected a number of 0 or more, as 1e-3, or OUTPUT:1e-3",
          option, text));
    }
    bool again = false;
    if (named) {
      const std::string name(WithoutPort(text.substr(0, colon)));
      again = !parsed.named_.emplace(name, *value).second;
    } else {
      again = parsed.all_.has_value();
      parsed.all_ = value;
    }
    if (again) {
      return InvalidArgument(fmt::format("{}: '{}' comes after another value for {}", option, text,
                                         named ? "the same output" : "all outputs"));
    }
  }
  return parsed;
}

std::optional<double> PerOutput::Of(std::string_view output) const {
  const auto it = named_.find(WithoutPort(output));
  if (it != named_.end()) return it->second;
  return all_;
}

Status PerOutput::CheckNames(const std::vector<std::string>& outputs,
                             std::string_view option) const {
  for (const auto& [name, value] : named_) {
    const bool known = std::any_of(outputs.begin(), outputs.end(), [&](const std::string& output) {
      return WithoutPort(output) == name;
    });
    if (known) continue;
    return InvalidArgument(fmt::format("{}: there is no output '{}'; the outputs are {}", option,
                                       name, fmt::join(outputs, ", ")));
  }
  return OkStatus();
}

}  // namespace midstream::compare
