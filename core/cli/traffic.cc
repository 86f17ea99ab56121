#include "core/cli/traffic.h"

#include <chrono>
#include <utility>

namespace midstream::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kNanoseconds = 1e6;  // of a millisecond

uint64_t Since(Clock::time_point begin) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count());
}

}  // namespace

Traffic::Traffic(size_t clients, const MakeClient& make, std::function<void()> failed)
    : failed_(std::move(failed)), window_(std::make_unique<Histogram>()) {
  for (size_t i = 0; i < clients; ++i) {
    clients_.emplace_back([this, request = make()] { Run(request); });
  }
}

void Traffic::Run(const Request& request) {
  for (uint64_t index = 0; !stopping_; ++index) {
    const auto begin = Clock::now();
    const Status status = request(index);
    const uint64_t nanoseconds = Since(begin);
    {
      std::lock_guard lock(mutex_);
      if (status.ok()) {
        window_->Record(nanoseconds);
        continue;
      }
      if (failures_++ == 0) failure_ = status;
    }
    return failed_();
  }
}

TrafficReport Traffic::Take() {
  auto window = std::make_unique<Histogram>();
  {
    std::lock_guard lock(mutex_);
    window_.swap(window);
  }
  const Histogram::Snapshot taken = window->TakeSnapshot();
  return {taken.count, static_cast<double>(taken.Quantile(0.5)) / kNanoseconds,
          static_cast<double>(taken.Quantile(0.99)) / kNanoseconds};
}

void Traffic::Stop() {
  stopping_ = true;
  for (std::thread& client : clients_) {
    if (client.joinable()) client.join();
  }
}

uint64_t Traffic::failures() const {
  std::lock_guard lock(mutex_);
  return failures_;
}

Status Traffic::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace midstream::cli
