// Traffic: clients that send requests to a session, each its next one as soon as it has an answer.
#ifndef MIDSTREAM_CORE_CLI_TRAFFIC_H_
#define MIDSTREAM_CORE_CLI_TRAFFIC_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/histogram.h"
#include "core/base/status.h"

namespace midstream::cli {

// What was answered in some time.
struct TrafficReport {
  uint64_t requests = 0;
  double p50_ms = 0;  // 0 without requests
  double p99_ms = 0;
};

class Traffic {
 public:
  // Makes request `index` of one client and waits for the answer. Called by each client on its thread.
  using Request = std::function<Status(uint64_t index)>;
  // Makes the function of a client, which is used by its thread alone.
  using MakeClient = std::function<Request()>;

  // Starts the clients. When a request fails, its client stops, and `failed` is called on its thread.
  Traffic(size_t clients, const MakeClient& make, std::function<void()> failed);
  ~Traffic() { Stop(); }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  // What was answered since this was asked last; every request is in one report. Threads: any.
  TrafficReport Take();
  // Requests under way are finished.
  void Stop();

  uint64_t failures() const;
  // Of the first request that failed.
  Status failure() const;

 private:
  void Run(const Request& request);

  const std::function<void()> failed_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards all below but clients_
  std::unique_ptr<Histogram> window_;
  uint64_t failures_ = 0;
  Status failure_;
  std::vector<std::thread> clients_;
};

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_TRAFFIC_H_
