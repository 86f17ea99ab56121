// Words of the region that two threads or two processes change: atomic access, and sleeping on one.
//
// The region's structs are plain C, so the builtins are used instead of std::atomic. Futexes are
// not private ones: the other side may be another process. Every wait has an end.
#ifndef MIDSTREAM_PLUGINS_PYTHON_WORDS_H_
#define MIDSTREAM_PLUGINS_PYTHON_WORDS_H_

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>

namespace midstream::python {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as the interpreters' times

template <typename T>
T Load(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_SEQ_CST);
}
template <typename T>
void Store(T& word, T value) {
  __atomic_store_n(&word, value, __ATOMIC_SEQ_CST);
}
template <typename T>
T Add(T& word, T value) {
  return __atomic_add_fetch(&word, value, __ATOMIC_SEQ_CST);
}
// False: *seen has become what the word is.
template <typename T>
bool Exchange(T& word, T* seen, T value) {
  return __atomic_compare_exchange_n(&word, seen, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// Between two looks at a word.
inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

inline void Wake(const uint32_t& word, int count = INT_MAX) {
  syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

// Sleeps while the word is `seen`, until it is woken or `end`; may wake early.
inline void SleepWhile(const uint32_t& word, uint32_t seen, Clock::time_point end) {
  const auto ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(end.time_since_epoch()).count();
  const timespec at{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, seen, &at, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_WORDS_H_
