// Arrivals: when the requests of an open loop come.
//
// Threads: one at a time.
#ifndef MIDSTREAM_CORE_MEASURE_ARRIVALS_H_
#define MIDSTREAM_CORE_MEASURE_ARRIVALS_H_

#include <cmath>
#include <cstdint>
#include <random>

namespace midstream::measure {

class Arrivals {
 public:
  // Requires: rate > 0, a second.
  Arrivals(double rate, bool poisson, uint64_t seed)
      : interval_ns_(1e9 / rate), poisson_(poisson), random_(seed) {}

  // Nanoseconds since the beginning; ascending. The same seed gives the same ones everywhere.
  uint64_t Next() {
    const double uniform = static_cast<double>(random_() >> 11) * 0x1p-53;  // [0, 1)
    at_ns_ += poisson_ ? -std::log1p(-uniform) * interval_ns_ : interval_ns_;
    return static_cast<uint64_t>(at_ns_);
  }

 private:
  const double interval_ns_;
  const bool poisson_;
  std::mt19937_64 random_;
  double at_ns_ = 0;
};

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_ARRIVALS_H_
