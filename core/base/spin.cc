#include "core/base/spin.h"

#include <atomic>
#include <cstdint>

#include "core/base/thread_pool.h"

namespace midstream {
namespace {

std::atomic<uint32_t> spinners{0};

bool TryAcquire() {
  static const uint32_t kMost = AvailableCores() - 1;
  uint32_t now = spinners.load(std::memory_order_relaxed);
  while (now < kMost) {
    if (spinners.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace

SpinPermit::SpinPermit() : granted_(TryAcquire()) {
  // Whoever was waited for may not have noticed yet, and hold on to its own permit for a moment.
  for (int i = 0; i < kPausesPerClockRead && !granted_; ++i) {
    Pause();
    granted_ = TryAcquire();
  }
}

SpinPermit::~SpinPermit() {
  if (granted_) spinners.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace midstream
