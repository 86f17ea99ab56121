#include "core/weights/reaper.h"

namespace midstream::weights {

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
  {
    std::lock_guard lock(mutex_);
    retired_.push_back(std::move(free));
  }
  changed_.notify_all();
}

void Reaper::Drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return retired_.empty() && !busy_; });
}

void Reaper::Main() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || !retired_.empty(); });
    if (retired_.empty()) return;
    std::vector<std::function<void()>> batch;
    batch.swap(retired_);
    busy_ = true;
    lock.unlock();
    for (auto& free : batch) free();
    batch.clear();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace midstream::weights
