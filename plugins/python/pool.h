// Pool: interpreters that share a region, and the jobs they run.
//
// Whoever runs a job fills one of the region's slots, puts it into the ring, and sleeps on the
// slot's state word; interpreters take jobs from the ring themselves. One thread of the pool frees
// what was retired, starts replacements, and takes slots back that came home late.
//
// Deadlines. A job waits at most its timeout for an interpreter, then it is withdrawn. Once taken it
// runs at most its timeout, behind what the interpreter has to load for it, which has a timeout of
// its own. Then a worker process is killed and replaced. An interpreter of this
// process cannot be: it is lost, another one takes its place while the launcher can make one, and if
// its call comes back after all it is used again.
//
// A death of a worker process fails the jobs it had taken, and no others; it is replaced.
//
// Threads: any. Errors: thrown as sdk::Error. Run allocates nothing unless it fails.
#ifndef MIDSTREAM_PLUGINS_PYTHON_POOL_H_
#define MIDSTREAM_PLUGINS_PYTHON_POOL_H_

#include <array>
#include <atomic>
#include <condition_variable>
#include <thread>

#include "plugins/python/files.h"
#include "plugins/python/launcher.h"
#include "plugins/python/objects.h"
#include "plugins/python/region.h"
#include "plugins/python/words.h"

namespace midstream::python {

// Thrown where interpreters of this process cannot be had, or cannot load what a model needs, for
// want of room in the dynamic loader. Worker processes do not have that limit.
class LoaderExhausted : public sdk::Error {
 public:
  explicit LoaderExhausted(std::string message)
      : Error(MS_RESOURCE_EXHAUSTED, std::move(message)) {}
};

struct PoolOptions {
  uint32_t interpreters = 1;
  std::chrono::milliseconds start_timeout{120000};
  uint32_t spin_us = 0;
  uint32_t cores = 1;  // that the process may use
};

// One call of a model.
struct Call {
  uint32_t kind = 0;  // MP_DO_*
  const std::shared_ptr<ModelObject>* model = nullptr;
  const std::shared_ptr<SetObject>* set = nullptr;  // null with MP_DO_LOAD
  std::span<const mp_tensor> inputs;                // complete but for `at`
  std::span<const mp_tensor> outputs;
  const uint64_t* input_at = nullptr;
  const uint64_t* output_at = nullptr;
  // What a worker may still write to when this call has been given up: kept until it cannot.
  std::shared_ptr<void> memory;
  std::chrono::milliseconds timeout{0};       // of waiting for a worker, and of the model's answer
  std::chrono::milliseconds load_timeout{0};  // of what the worker has to load first
};

struct Times {
  uint64_t model_begin_ns = 0;  // CLOCK_MONOTONIC
  uint64_t model_end_ns = 0;
};

class Pool final : private LaunchEvents {
 public:
  // for_processes: as Region. log may be silent.
  Pool(bool for_processes, const PoolOptions& options, Log log, const LauncherFactory& factory,
       uint64_t region_bytes = 0);
  // Stops all workers where they can be stopped. Requires: no object is left.
  ~Pool();

  // Starts the interpreters, once. Errors: LoaderExhausted; UNAVAILABLE when none starts.
  void EnsureStarted();
  // Errors: what the model says; DEADLINE_EXCEEDED; ABORTED when its process died; UNAVAILABLE when
  // no interpreter is left; LoaderExhausted when none has room to load the model.
  Times Run(const Call& call);

  Region& region() { return region_; }
  FileTable& files() { return files_; }
  template <typename T, typename... Args>
  std::shared_ptr<T> Make(Args&&... args) {
    return objects_.Make<T>(std::forward<Args>(args)...);
  }
  uint64_t NextId() { return ++last_id_; }
  size_t object_count() const { return objects_.size(); }
  bool absolute() const { return region_.absolute(); }
  uint32_t usable();  // interpreters that take jobs or will

 private:
  enum class Health : uint8_t { kNone, kRunning, kLost, kDropped };
  struct Slot {  // what keeps alive what the job names
    std::shared_ptr<ModelObject> model;
    std::shared_ptr<SetObject> set;
    std::shared_ptr<void> memory;
    Clock::time_point end;  // of waiting for an interpreter
  };

  // One more for as long as it lives.
  class Counted {
   public:
    explicit Counted(std::atomic<uint32_t>* count) : count_(count) { ++*count_; }
    ~Counted() { --*count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

   private:
    std::atomic<uint32_t>* const count_;
  };

  void OnDeath(uint32_t worker, const std::string& how) override;
  void OnFailure(uint32_t worker, const std::string& why) override;

  // Jobs (pool.cc).
  enum class Outcome { kAnswered, kLate };
  uint32_t TakeSlot(const Call& call, Clock::time_point end);
  void GiveSlot(uint32_t index);
  void Fill(mp_job& job, const Call& call);
  bool Push(uint32_t index);  // false: the ring is full
  void ForgetPassed(uint64_t head);

  // Waiting (pool_wait.cc).
  // For DONE. When it throws, the slot is not the caller's any more.
  Outcome Await(uint32_t index, const Call& call);
  void LookAwake(const uint32_t& state);  // until DONE, or until sleeping is better
  bool Withdraw(uint32_t index, uint32_t state);
  bool GiveUp(uint32_t index, uint32_t state, const std::string& what);
  [[noreturn]] void ThrowLate(const std::string& what);
  void ThrowUnlessRepeatable(uint32_t index, const Call& call, bool late);
  void LogTraceback(const std::string& model, const std::string& traceback);

  // Workers (pool_workers.cc).
  bool StartOne(uint32_t worker);
  void AwaitStarts(Clock::time_point end);
  void Drop(uint32_t worker, const std::string& why);
  [[noreturn]] void ThrowNoneLeft();
  void WakeWorkers();
  void FailJob(uint32_t index, uint32_t worker, const std::string& how);
  void Serve();
  void Replace();
  bool CollectReturned();  // false: none is lost any more

  const PoolOptions options_;
  const Log log_;
  Region region_;
  FileTable files_;
  ObjectTable objects_;
  std::unique_ptr<Launcher> launcher_;
  std::atomic<uint64_t> last_id_{0};

  std::mutex slots_mutex_;
  std::condition_variable slot_free_;
  std::vector<uint32_t> free_slots_;
  std::array<Slot, MP_JOBS> slots_;
  std::atomic<uint32_t> calls_{0};                // in Run
  std::atomic<uint32_t> lookers_{0};              // of them, in LookAwake
  std::mutex ring_mutex_;                         // of what follows
  std::array<uint32_t, MP_JOBS> ring_entries_{};  // of each job, at ring_head_ or later
  uint64_t ring_head_ = 0;

  std::mutex start_mutex_;
  bool started_ = false;
  std::mutex workers_mutex_;  // of what follows
  std::array<Health, MP_MAX_WORKERS> health_{};
  std::array<uint32_t, MP_MAX_WORKERS> early_deaths_{};  // one behind the other, before READY
  uint32_t n_workers_ = 0;
  uint32_t to_replace_ = 0;
  std::string last_problem_;  // why there are fewer than there should be
  bool exhausted_ = false;    // the loader's room is why
  std::atomic<uint32_t> lost_{0};

  std::mutex traceback_mutex_;
  std::string last_traceback_;
  Clock::time_point last_traceback_time_;

  std::atomic<bool> stopping_{false};
  std::thread service_;
};

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_POOL_H_
