// Reaper: frees retired weight versions on a thread of its own, so that neither a request nor a
// commit pays for it.
//
// Waking a thread costs more than a whole commit. So the reaper looks by itself, every few
// milliseconds, for a while after it was last needed, and sleeps only then; staging calls Drain,
// which wakes it before the commit that follows.
//
// Threads: any may call Retire and Drain.
#ifndef MIDSTREAM_CORE_WEIGHTS_REAPER_H_
#define MIDSTREAM_CORE_WEIGHTS_REAPER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace midstream::weights {

class Reaper {
 public:
  Reaper();
  // Frees everything that was retired.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // Runs `free` later on the reaper thread.
  void Retire(std::function<void()> free);
  // Returns when everything retired before the call has been freed.
  void Drain();

 private:
  using Clock = std::chrono::steady_clock;

  void Main();
  // Waits until there is something to do.
  void Wait(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> retired_;
  uint64_t retirements_ = 0;  // calls of Retire so far
  uint64_t freed_ = 0;        // of those, in their order
  bool asleep_ = false;       // somebody must wake it
  uint32_t draining_ = 0;     // calls of Drain that wait
  Clock::time_point awake_until_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_REAPER_H_
