// Normalizer: the numbers of a state or an action as a model was trained with them, and back.
//
// With mean and deviation: (x - mean) / (std + 1e-6). With percentiles: their range becomes -1 to 1,
// (x - q01) / (q99 - q01 + 1e-6) * 2 - 1; nothing is clipped.
// Threads: immutable after construction.
#ifndef MIDSTREAM_CORE_POLICY_NORMALIZER_H_
#define MIDSTREAM_CORE_POLICY_NORMALIZER_H_

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/status.h"

namespace midstream::policy {

class Normalizer {
 public:
  // Errors: INVALID_ARGUMENT when the two have different lengths or none, or hold a number that is
  // not finite.
  static Result<Normalizer> FromMeanAndDeviation(std::span<const double> mean,
                                                 std::span<const double> deviation);
  static Result<Normalizer> FromPercentiles(std::span<const double> q01,
                                            std::span<const double> q99);

  size_t size() const { return low_.size(); }

  // The first numbers of the statistics are used. Requires: at most size() values.
  std::vector<double> Normalize(std::span<const double> values) const;
  // Numbers beyond the statistics stay what they are (but for a factor of 1 + 1e-6 with mean and
  // deviation, as in openpi). Requires: at least size() values.
  std::vector<double> Restore(std::span<const float> values) const;
  std::vector<double> Restore(std::span<const double> values) const;

 private:
  Normalizer(bool percentiles, std::vector<double> low, std::vector<double> width)
      : percentiles_(percentiles), low_(std::move(low)), width_(std::move(width)) {}

  template <typename T>
  std::vector<double> RestoreAll(std::span<const T> values) const;

  bool percentiles_ = false;
  std::vector<double> low_;    // mean, or q01
  std::vector<double> width_;  // what a normalised number is multiplied with
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_NORMALIZER_H_
