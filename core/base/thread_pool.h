// ThreadPool: the engine's one set of worker threads, for fork-join loops.
//
// Waking a sleeping thread costs tens of microseconds, and a thread that spins without end starves
// whatever else runs. So workers spin for about 50 us after their last job and then sleep on a
// futex. The caller takes part in its own loop and waits only for indices that a worker has begun,
// never for a worker that is still waking up. No call allocates.
//
// Threads: any thread may call ParallelFor. The pool serves one loop at a time: a call that comes
// while another one is under way, nested calls included, runs on the calling thread alone. So a
// call never blocks behind another caller.
#ifndef MIDSTREAM_CORE_BASE_THREAD_POOL_H_
#define MIDSTREAM_CORE_BASE_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace midstream {

// Cores that this process may run on; at least 1.
uint32_t AvailableCores();

class ThreadPool {
 public:
  using Body = void (*)(void* user, uint32_t index);

  // threads counts the caller of ParallelFor; 0 means AvailableCores(). When the system refuses to
  // start that many, thread_count() says how many there are.
  explicit ThreadPool(uint32_t threads);
  // Requires: no ParallelFor is under way.
  ~ThreadPool();

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Threads that one loop can use, the caller included; at least 1.
  uint32_t thread_count() const { return static_cast<uint32_t>(workers_.size()) + 1; }

  // Runs body(user, 0) ... body(user, n - 1), each exactly once and in any order, and returns when
  // all are done; their writes are then visible. body must not throw.
  void ParallelFor(uint32_t n, Body body, void* user);

  // The same for a callable that takes the index; it is only borrowed for the call.
  template <typename Callable>
  void ParallelFor(uint32_t n, Callable&& callable) {
    using Plain = std::remove_reference_t<Callable>;
    ParallelFor(
        n, [](void* user, uint32_t index) { (*static_cast<Plain*>(user))(index); },
        const_cast<void*>(static_cast<const volatile void*>(&callable)));
  }

 private:
  // The loop's number in the upper half, how many of its indices nobody has taken yet in the lower
  // half: one compare-exchange both takes indices and proves that they belong to the loop seen.
  using State = uint64_t;

  void WorkerMain();
  // Runs indices of the current loop until none is left to take.
  void Help();
  void WakeWorkers(uint32_t wanted);
  void WaitForCompletion(uint32_t n);

  alignas(64) std::atomic<State> state_{0};
  // The loop: written by the caller before state_, read by workers before they take indices. A
  // worker that comes late may read the next loop's values; its compare-exchange then fails.
  std::atomic<Body> body_{nullptr};
  std::atomic<void*> user_{nullptr};
  std::atomic<uint32_t> size_{0};
  std::atomic<uint32_t> grain_{1};  // indices taken at a time

  alignas(64) std::atomic<uint32_t> done_{0};    // indices completed of the current loop
  alignas(64) std::atomic<uint32_t> signal_{0};  // the word that workers sleep on: loops started
  std::atomic<uint32_t> sleepers_{0};
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic_flag busy_;
  std::vector<std::thread> workers_;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_THREAD_POOL_H_
