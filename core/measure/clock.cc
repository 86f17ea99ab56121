#include "core/measure/clock.h"

#include <pthread.h>
#include <sys/prctl.h>

#include <chrono>
#include <thread>

namespace midstream::measure {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kSpinNs = 60'000;

}  // namespace

uint64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

void WaitUntil(uint64_t at_ns) {
  const uint64_t now = Now();
  if (at_ns > now + kSpinNs) {
    std::this_thread::sleep_until(Clock::time_point(std::chrono::nanoseconds(at_ns - kSpinNs)));
  }
  while (Now() < at_ns) {
  }
}

void BeginTimedThread(const char* name) {
  static_cast<void>(pthread_setname_np(pthread_self(), name));
  static_cast<void>(prctl(PR_SET_TIMERSLACK, 1UL));  // the default is 50 us
}

}  // namespace midstream::measure
