// Timing for decisions that are measured: the shortest of several runs, which is what the processor
// can do when nothing disturbs it.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_SHORTEST_RUN_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_SHORTEST_RUN_H_

#include <algorithm>
#include <chrono>

namespace midstream::cpu_blas {

// Seconds.
template <typename Body>
double ShortestRun(int runs, Body&& body) {
  using Clock = std::chrono::steady_clock;
  auto best = Clock::duration::max();
  for (int i = 0; i < runs; ++i) {
    auto start = Clock::now();
    body();
    best = std::min(best, Clock::now() - start);
  }
  return std::chrono::duration<double>(best).count();
}

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_SHORTEST_RUN_H_
