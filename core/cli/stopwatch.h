// Elapsed time, for the times that commands print.
#ifndef MIDSTREAM_CORE_CLI_STOPWATCH_H_
#define MIDSTREAM_CORE_CLI_STOPWATCH_H_

#include <algorithm>
#include <chrono>
#include <vector>

namespace midstream::cli {

class Stopwatch {
 public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

// The middle value, or the mean of the two in the middle. Requires: values is not empty.
inline double Median(std::vector<double> values) {
  const size_t half = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + half, values.end());
  if (values.size() % 2 == 1) return values[half];
  return (values[half] + *std::max_element(values.begin(), values.begin() + half)) / 2;
}

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_STOPWATCH_H_
