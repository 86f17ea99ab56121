// Spinning: waiting a short time for another thread without giving up the core, because waking a
// sleeping thread costs tens of microseconds.
//
// Threads: any.
#ifndef MIDSTREAM_CORE_BASE_SPIN_H_
#define MIDSTREAM_CORE_BASE_SPIN_H_

#include <chrono>

namespace midstream {

constexpr std::chrono::microseconds kSpinTime{50};
constexpr int kPausesPerClockRead = 64;

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until ready() holds, for at most kSpinTime.
template <typename Ready>
bool SpinUntil(Ready ready) {
  const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      if (ready()) return true;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return ready();
}

// Leave to spin. All holders together are fewer than the cores of the process, so that whoever they
// wait for has a core: with one core nobody gets it.
class SpinPermit {
 public:
  SpinPermit();
  ~SpinPermit();
  SpinPermit(const SpinPermit&) = delete;
  SpinPermit& operator=(const SpinPermit&) = delete;

  bool granted() const { return granted_; }

 private:
  bool granted_;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_SPIN_H_
