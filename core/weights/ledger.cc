#include "core/weights/ledger.h"

#include <algorithm>

namespace midstream::weights {

std::shared_ptr<const Charge> Ledger::Take(uint64_t bytes) {
  auto charge = std::make_shared<const Charge>(shared_from_this(), bytes);
  std::lock_guard lock(mutex_);
  held_ += bytes;
  peak_ = std::max(peak_, held_);
  return charge;
}

void Ledger::Release(uint64_t bytes) {
  {
    std::lock_guard lock(mutex_);
    held_ -= bytes;
  }
  released_.notify_all();
}

uint64_t Ledger::held() const {
  std::lock_guard lock(mutex_);
  return held_;
}

uint64_t Ledger::peak() const {
  std::lock_guard lock(mutex_);
  return peak_;
}

bool Ledger::WaitForRoom(uint64_t bytes, uint64_t limit,
                         std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  return released_.wait_until(lock, until, [&] { return held_ + bytes <= limit; });
}

}  // namespace midstream::weights
