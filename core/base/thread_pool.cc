#include "core/base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <system_error>

#include "core/base/spin.h"

namespace midstream {
namespace {

// Each thread takes about this many pieces of a large loop, so that a late worker still finds work.
constexpr uint32_t kPiecesPerThread = 8;

uint32_t LoopNumber(uint64_t state) { return static_cast<uint32_t>(state >> 32); }
uint32_t Remaining(uint64_t state) { return static_cast<uint32_t>(state); }

}  // namespace

uint32_t AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    return static_cast<uint32_t>(std::max(1, CPU_COUNT(&set)));
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

ThreadPool::ThreadPool(uint32_t threads) {
  if (threads == 0) threads = AvailableCores();
  workers_.reserve(threads - 1);
  try {
    while (workers_.size() + 1 < threads) workers_.emplace_back([this] { WorkerMain(); });
  } catch (const std::system_error&) {
    // Fewer threads than asked for compute the same results; thread_count() tells.
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  signal_.fetch_add(1);
  signal_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::ParallelFor(uint32_t n, Body body, void* user) {
  if (n <= 1 || workers_.empty() || busy_.test_and_set(std::memory_order_acquire)) {
    for (uint32_t i = 0; i < n; ++i) body(user, i);
    return;
  }
  body_.store(body, std::memory_order_relaxed);
  user_.store(user, std::memory_order_relaxed);
  size_.store(n, std::memory_order_relaxed);
  grain_.store(std::max(1u, n / (kPiecesPerThread * thread_count())), std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  const uint64_t loop = LoopNumber(state_.load(std::memory_order_relaxed)) + 1;
  state_.store(loop << 32 | n, std::memory_order_release);

  WakeWorkers(n - 1);
  Help();
  WaitForCompletion(n);
  busy_.clear(std::memory_order_release);
}

void ThreadPool::Help() {
  State state = state_.load(std::memory_order_acquire);
  const uint32_t loop = LoopNumber(state);
  while (LoopNumber(state) == loop && Remaining(state) != 0) {
    const Body body = body_.load(std::memory_order_relaxed);
    void* const user = user_.load(std::memory_order_relaxed);
    const uint32_t size = size_.load(std::memory_order_relaxed);
    const uint32_t count = std::min(grain_.load(std::memory_order_relaxed), Remaining(state));
    // Success proves that the loop was still open, so its caller has not returned and the values
    // read above are its own. On failure state is reloaded.
    if (!state_.compare_exchange_weak(state, state - count, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      continue;
    }
    const uint32_t begin = size - Remaining(state);
    for (uint32_t i = begin; i < begin + count; ++i) body(user, i);
    if (done_.fetch_add(count, std::memory_order_acq_rel) + count == size) done_.notify_one();
    state = state_.load(std::memory_order_acquire);
  }
}

void ThreadPool::WakeWorkers(uint32_t wanted) {
  // Sequentially consistent on both sides: either the worker sees the new signal before it sleeps,
  // or this thread sees the sleeper.
  signal_.fetch_add(1);
  const uint32_t asleep = sleepers_.load();
  if (asleep == 0) return;
  const auto workers = static_cast<uint32_t>(workers_.size());
  const uint32_t awake = workers - asleep;
  wanted = std::min(wanted, workers);
  if (wanted <= awake) return;
  if (wanted == workers) {
    signal_.notify_all();
    return;
  }
  for (uint32_t i = awake; i < wanted; ++i) signal_.notify_one();
}

void ThreadPool::WaitForCompletion(uint32_t n) {
  if (SpinUntil([&] { return done_.load(std::memory_order_acquire) == n; })) return;
  for (uint32_t done = done_.load(std::memory_order_acquire); done != n;
       done = done_.load(std::memory_order_acquire)) {
    done_.wait(done, std::memory_order_acquire);
  }
}

void ThreadPool::WorkerMain() {
  uint32_t seen = 0;
  while (true) {
    const auto signalled = [&] { return signal_.load() != seen; };
    if (!SpinUntil(signalled)) {
      sleepers_.fetch_add(1);
      signal_.wait(seen);
      sleepers_.fetch_sub(1);
    }
    seen = signal_.load();
    if (stop_.load()) return;
    Help();
  }
}

}  // namespace midstream
