// Ledger: how much memory the versions of a model hold together.
//
// Each value that a version packs or keeps is a charge; versions that share the value share the
// charge, which goes with the last of them. So the sum counts what is in memory once.
//
// Threads: any.
#ifndef MIDSTREAM_CORE_WEIGHTS_LEDGER_H_
#define MIDSTREAM_CORE_WEIGHTS_LEDGER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

namespace midstream::weights {

class Charge;

class Ledger : public std::enable_shared_from_this<Ledger> {
 public:
  std::shared_ptr<const Charge> Take(uint64_t bytes);
  uint64_t held() const;
  uint64_t peak() const;
  // Waits until held() + bytes <= limit. Returns false when that did not come true in time.
  bool WaitForRoom(uint64_t bytes, uint64_t limit, std::chrono::steady_clock::time_point until);

 private:
  friend class Charge;
  void Release(uint64_t bytes);

  mutable std::mutex mutex_;
  std::condition_variable released_;
  uint64_t held_ = 0;
  uint64_t peak_ = 0;
};

class Charge {
 public:
  Charge(std::shared_ptr<Ledger> ledger, uint64_t bytes)
      : ledger_(std::move(ledger)), bytes_(bytes) {}
  ~Charge() { ledger_->Release(bytes_); }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

  uint64_t bytes() const { return bytes_; }

 private:
  const std::shared_ptr<Ledger> ledger_;
  const uint64_t bytes_;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_LEDGER_H_
