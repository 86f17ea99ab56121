#include "core/policy/normalizer.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace midstream::policy {
namespace {

constexpr double kEpsilon = 1e-6;  // keeps a width above zero

Status Check(std::span<const double> a, const char* a_name, std::span<const double> b,
             const char* b_name) {
  if (a.size() != b.size() || a.empty()) {
    return InvalidArgument(
        fmt::format("'{}' has {} numbers and '{}' has {}: expected equally many, one or more",
                    a_name, a.size(), b_name, b.size()));
  }
  for (const auto& [name, values] : {std::pair(a_name, a), std::pair(b_name, b)}) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      return InvalidArgument(
          fmt::format("'{}': number {} is {}, expected a finite one", name, i, values[i]));
    }
  }
  return OkStatus();
}

}  // namespace

Result<Normalizer> Normalizer::FromMeanAndDeviation(std::span<const double> mean,
                                                    std::span<const double> deviation) {
  MS_RETURN_IF_ERROR(Check(mean, "mean", deviation, "std"));
  std::vector<double> width;
  for (const double value : deviation) width.push_back(value + kEpsilon);
  return Normalizer(false, {mean.begin(), mean.end()}, std::move(width));
}

Result<Normalizer> Normalizer::FromPercentiles(std::span<const double> q01,
                                               std::span<const double> q99) {
  MS_RETURN_IF_ERROR(Check(q01, "q01", q99, "q99"));
  std::vector<double> width;
  for (size_t i = 0; i < q01.size(); ++i) width.push_back(q99[i] - q01[i] + kEpsilon);
  return Normalizer(true, {q01.begin(), q01.end()}, std::move(width));
}

std::vector<double> Normalizer::Normalize(std::span<const double> values) const {
  std::vector<double> normalized;
  for (size_t i = 0; i < values.size(); ++i) {
    const double value = (values[i] - low_[i]) / width_[i];
    normalized.push_back(percentiles_ ? value * 2.0 - 1.0 : value);
  }
  return normalized;
}

std::vector<double> Normalizer::Restore(std::span<const float> values) const {
  return RestoreAll(values);
}
std::vector<double> Normalizer::Restore(std::span<const double> values) const {
  return RestoreAll(values);
}

template <typename T>
std::vector<double> Normalizer::RestoreAll(std::span<const T> values) const {
  std::vector<double> restored;
  for (size_t i = 0; i < values.size(); ++i) {
    const T value = values[i];
    if (i >= size()) {
      restored.push_back(percentiles_ ? value : value * (1.0 + kEpsilon));
    } else if (percentiles_) {
      // numpy stays in float32 until the statistics come in.
      restored.push_back(static_cast<double>((value + T{1}) / T{2}) * width_[i] + low_[i]);
    } else {
      restored.push_back(value * width_[i] + low_[i]);
    }
  }
  return restored;
}

}  // namespace midstream::policy
