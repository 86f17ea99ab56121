#include "core/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace midstream {
namespace {

// Plain (not atomic) counters: a lost or doubled index shows as a wrong count, and a missing
// happens-before edge shows under ThreadSanitizer.
void ExpectEachIndexOnce(ThreadPool& pool, uint32_t n) {
  std::vector<int> counts(n, 0);
  pool.ParallelFor(n, [&](uint32_t i) { ++counts[i]; });
  for (uint32_t i = 0; i < n; ++i) ASSERT_EQ(counts[i], 1) << "index " << i << " of " << n;
}

TEST(ThreadPool, RunsEachIndexOnce) {
  for (uint32_t threads : {1u, 2u, 3u, 8u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.thread_count(), threads);
    for (uint32_t n : {0u, 1u, 2u, 3u, 7u, 64u, 1000u, 4097u}) ExpectEachIndexOnce(pool, n);
  }
}

TEST(ThreadPool, ZeroThreadsMeansEveryCore) {
  ThreadPool pool(0);
  EXPECT_EQ(pool.thread_count(), AvailableCores());
  EXPECT_GE(pool.thread_count(), 1u);
}

TEST(ThreadPool, TakesAPlainFunction) {
  ThreadPool pool(2);
  std::atomic<uint64_t> sum{0};
  pool.ParallelFor(
      100, [](void* user, uint32_t i) { static_cast<std::atomic<uint64_t>*>(user)->fetch_add(i); },
      &sum);
  EXPECT_EQ(sum.load(), 4950u);
}

TEST(ThreadPool, TakesAConstCallable) {
  ThreadPool pool(2);
  std::atomic<uint32_t> calls{0};
  const auto body = [&calls](uint32_t) { calls.fetch_add(1); };
  pool.ParallelFor(10, body);
  EXPECT_EQ(calls.load(), 10u);
}

// Two indices that wait for each other finish only when two threads run them.
TEST(ThreadPool, UsesMoreThanTheCaller) {
  ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> arrived{0};
    pool.ParallelFor(2, [&](uint32_t) {
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    });
    EXPECT_EQ(arrived.load(), 2);
  }
}

// The same after the workers have gone to sleep, for loops that need one worker and all of them.
TEST(ThreadPool, WakesSleepingWorkers) {
  ThreadPool pool(4);
  for (int n : {2, 4, 3, 2}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> arrived{0};
    pool.ParallelFor(n, [&](uint32_t) {
      arrived.fetch_add(1);
      while (arrived.load() < n) std::this_thread::yield();
    });
    EXPECT_EQ(arrived.load(), n);
  }
}

TEST(ThreadPool, NestedLoopRunsOnItsCaller) {
  ThreadPool pool(4);
  std::vector<int> counts(8 * 16, 0);
  std::atomic<int> strangers{0};
  pool.ParallelFor(8, [&](uint32_t outer) {
    const auto self = std::this_thread::get_id();
    pool.ParallelFor(16, [&](uint32_t inner) {
      if (std::this_thread::get_id() != self) strangers.fetch_add(1);
      ++counts[outer * 16 + inner];
    });
  });
  EXPECT_EQ(strangers.load(), 0);
  for (int count : counts) EXPECT_EQ(count, 1);
}

// A second caller must not wait for the first: the first loop ends only after the second did.
TEST(ThreadPool, ConcurrentCallerNeverBlocks) {
  ThreadPool pool(2);
  std::atomic<bool> started{false};
  std::atomic<bool> second_done{false};
  std::thread first([&] {
    pool.ParallelFor(2, [&](uint32_t) {
      started.store(true);
      while (!second_done.load()) std::this_thread::yield();
    });
  });
  while (!started.load()) std::this_thread::yield();
  ExpectEachIndexOnce(pool, 100);
  second_done.store(true);
  first.join();
}

TEST(ThreadPool, ManyCallersManyLoops) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<uint64_t> wrong{0};
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&, c] {
      std::vector<uint32_t> counts(64);
      for (uint32_t round = 1; round <= 1500; ++round) {
        const uint32_t n = (round * 7 + c) % 64;
        pool.ParallelFor(n, [&](uint32_t i) { ++counts[i]; });
        for (uint32_t i = 0; i < 64; ++i) {
          if (counts[i] != (i < n ? 1u : 0u)) wrong.fetch_add(1);
          counts[i] = 0;
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong.load(), 0u);
}

TEST(ThreadPool, StartsAndStopsWithoutWork) {
  for (int round = 0; round < 20; ++round) ThreadPool pool(3);
}

}  // namespace
}  // namespace midstream
