#include "core/weights/reaper.h"

#include <pthread.h>
#include <sched.h>

namespace midstream::weights {
namespace {

constexpr std::chrono::seconds kAwake{1};
constexpr std::chrono::milliseconds kLook{5};

}  // namespace

Reaper::Reaper() : thread_([this] { Main(); }) {}

Reaper::~Reaper() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Reaper::Retire(std::function<void()> free) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    retired_.push_back(std::move(free));
    ++retirements_;
    wake = asleep_;
  }
  if (wake) changed_.notify_all();
}

void Reaper::Drain() {
  std::unique_lock lock(mutex_);
  awake_until_ = Clock::now() + kAwake;
  ++draining_;
  changed_.notify_all();
  changed_.wait(lock, [&, until = retirements_] { return freed_ >= until; });
  --draining_;
}

void Reaper::Wait(std::unique_lock<std::mutex>& lock) {
  while (!stop_ && retired_.empty()) {
    if (Clock::now() < awake_until_) {
      changed_.wait_for(lock, kLook, [&] { return stop_ || (draining_ > 0 && !retired_.empty()); });
      continue;
    }
    asleep_ = true;
    changed_.wait(lock, [&] { return stop_ || !retired_.empty() || Clock::now() < awake_until_; });
    asleep_ = false;
  }
}

void Reaper::Main() {
  // Waking it must not take the core from the thread that commits or answers. It works without, too.
  const sched_param no_priority{};
  static_cast<void>(pthread_setschedparam(pthread_self(), SCHED_BATCH, &no_priority));
  std::unique_lock lock(mutex_);
  for (;;) {
    Wait(lock);
    if (retired_.empty()) return;
    std::vector<std::function<void()>> batch;
    batch.swap(retired_);
    awake_until_ = Clock::now() + kAwake;
    lock.unlock();
    const size_t freed = batch.size();
    for (auto& free : batch) free();
    batch.clear();
    lock.lock();
    freed_ += freed;
    changed_.notify_all();
  }
}

}  // namespace midstream::weights
