// Reaper: frees retired weight versions on a thread of its own, so that neither a request nor a
// commit pays for it.
//
// Threads: any may call Retire and Drain.
#ifndef MIDSTREAM_CORE_WEIGHTS_REAPER_H_
#define MIDSTREAM_CORE_WEIGHTS_REAPER_H_

#include <condition_variable>
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
  void Main();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> retired_;
  bool busy_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_REAPER_H_
