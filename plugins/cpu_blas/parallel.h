// Spreading work over the core's threads: how finely, and which scratch memory a task may use.
//
// Waking a sleeping thread costs tens of microseconds, so small work stays on the calling thread.
// Work is never split where the split would change the order of a sum: results have the same bits
// for any number of threads.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_PARALLEL_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

constexpr uint32_t kMaxThreads = 64;

inline uint32_t Threads(const sdk::Host& host) {
  return std::min(host.thread_count(), kMaxThreads);
}

// Into how many tasks to cut work of `units` indivisible parts that takes about `microseconds` on
// one thread: 1 below the cost of waking a thread, else a few for each thread, so that one that
// comes late still finds some.
inline uint32_t TaskCount(const sdk::Host& host, double microseconds, int64_t units) {
  constexpr double kWorthWaking = 40.0, kTaskLength = 10.0;
  uint32_t threads = Threads(host);
  if (threads == 1 || units < 2 || microseconds < kWorthWaking) return 1;
  double wanted = std::clamp(microseconds / kTaskLength, 1.0 * threads, 4.0 * threads);
  return static_cast<uint32_t>(std::min<double>(wanted, static_cast<double>(units)));
}

// body(begin, end) over [0, units), cut into TaskCount parts whose borders are multiples of grain.
template <typename Body>
void ForRange(const sdk::Host& host, double microseconds, int64_t units, int64_t grain,
              Body&& body) {
  int64_t blocks = (units + grain - 1) / grain;
  uint32_t tasks = TaskCount(host, microseconds, blocks);
  if (tasks <= 1) return body(int64_t{0}, units);
  host.ParallelFor(tasks, [&](uint32_t task) {
    int64_t begin = blocks * task / tasks * grain;
    int64_t end = std::min(units, blocks * (task + 1) / tasks * grain);
    if (begin < end) body(begin, end);
  });
}

// Hands out one of `count` pieces of scratch memory to each task that is running; a task that finds
// none free waits for one.
class ScratchSlots {
 public:
  explicit ScratchSlots(uint32_t count)
      : free_(count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) {}

  class Lease {
   public:
    explicit Lease(ScratchSlots* slots) : slots_(slots), index_(slots->Take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { slots_->free_.fetch_or(uint64_t{1} << index_, std::memory_order_release); }
    uint32_t index() const { return index_; }

   private:
    ScratchSlots* slots_;
    uint32_t index_;
  };

 private:
  uint32_t Take() {
    uint64_t free = free_.load(std::memory_order_relaxed);
    while (free == 0 ||
           !free_.compare_exchange_weak(free, free & (free - 1), std::memory_order_acquire)) {
      if (free == 0) free = free_.load(std::memory_order_relaxed);
    }
    return static_cast<uint32_t>(__builtin_ctzll(free));
  }

  std::atomic<uint64_t> free_;
};

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_PARALLEL_H_
