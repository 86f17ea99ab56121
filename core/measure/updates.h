// Updates: a trainer that pushes new weights again and again while requests run.
//
// Threads: UpdateLoop has a thread of its own, on which it calls what it is given.
#ifndef MIDSTREAM_CORE_MEASURE_UPDATES_H_
#define MIDSTREAM_CORE_MEASURE_UPDATES_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/histogram.h"
#include "core/base/status.h"

namespace midstream::measure {

struct UpdateTimes {
  uint64_t stage_ns = 0;   // check, recipes, packing
  uint64_t commit_ns = 0;  // the pointer swap
};
// Makes the update with this number, counted from 0 over the loop's life.
using ApplyUpdate = std::function<Result<UpdateTimes>(uint64_t number)>;

struct UpdateResult {
  double seconds = 0;
  uint64_t updates = 0;
  uint64_t failed = 0;
  std::string first_error;
  Histogram::Snapshot stage_ns;
  Histogram::Snapshot commit_ns;
  std::vector<uint64_t> commits_at_ns;  // the first kMaxMoments, steady clock

  static constexpr size_t kMaxMoments = size_t{1} << 20;

  double rate() const { return seconds > 0 ? static_cast<double>(updates) / seconds : 0; }
  void Merge(const UpdateResult& other);
};

class UpdateLoop {
 public:
  // rate: updates a second; 0: as fast as they go. One that is late is made at once, and the ones
  // it was late for are left out. first: number of the first update.
  UpdateLoop(ApplyUpdate apply, double rate, uint64_t first);
  ~UpdateLoop();
  UpdateLoop(const UpdateLoop&) = delete;
  UpdateLoop& operator=(const UpdateLoop&) = delete;

  // Waits for the update that is under way. Once.
  UpdateResult Stop();

 private:
  void Main(double rate, uint64_t first);

  const ApplyUpdate apply_;
  const uint64_t start_ns_;
  std::atomic<bool> stop_{false};
  UpdateResult result_;  // the thread's until it is joined
  std::thread thread_;
};

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_UPDATES_H_
