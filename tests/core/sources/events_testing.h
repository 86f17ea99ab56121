// Collects a source's events and waits for them.
#ifndef MIDSTREAM_TESTS_CORE_SOURCES_EVENTS_TESTING_H_
#define MIDSTREAM_TESTS_CORE_SOURCES_EVENTS_TESTING_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "core/sources/source_event.h"

namespace midstream {

class Events {
 public:
  SourceCallback callback() {
    return [this](const SourceEvent& event) {
      std::lock_guard lock(mutex_);
      events_.push_back(event);
      ++count_;
      came_.notify_all();
    };
  }

  // The next event; nullopt after a minute without one.
  std::optional<SourceEvent> Next() {
    std::unique_lock lock(mutex_);
    const auto there = [this] { return !events_.empty(); };
    if (!came_.wait_for(lock, std::chrono::minutes(1), there)) return std::nullopt;
    SourceEvent event = events_.front();
    events_.pop_front();
    return event;
  }

  size_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::deque<SourceEvent> events_;
  size_t count_ = 0;
};

}  // namespace midstream

#endif  // MIDSTREAM_TESTS_CORE_SOURCES_EVENTS_TESTING_H_
