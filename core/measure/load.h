// Load: requests at a rate or from a number of clients, and how long each took.
//
// Open loop (a rate): the moments at which requests arrive are fixed beforehand, Poisson or evenly
// spaced, and a latency counts from that moment, whenever the request could be issued. A stall thus
// shows in every request that arrived meanwhile, as it does to users ("no coordinated omission").
// Closed loop (no rate): each client sends its next request when it has the answer.
//
// Threads: RunLoad is called by one; requests run on threads of its own.
#ifndef MIDSTREAM_CORE_MEASURE_LOAD_H_
#define MIDSTREAM_CORE_MEASURE_LOAD_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/histogram.h"

namespace midstream::measure {

// What a request's answer was worth. Torn: it mixes two versions of the weights.
enum class Verdict : uint8_t { kRight, kTorn, kFailed };

// One request from its beginning to its end on the calling thread. client: less than
// LoadOptions::clients, one call at a time for each.
using RunRequest = std::function<Verdict(size_t client)>;
// Begins a request. `done` is called once, on any thread, perhaps before this returns.
using Done = std::function<void(Verdict)>;
using SubmitRequest = std::function<void(Done done)>;

struct LoadOptions {
  double rate = 0;      // requests a second; 0: closed loop
  bool poisson = true;  // arrivals are independent of each other; false: evenly spaced
  size_t clients = 1;   // threads that send requests
  uint64_t seed = 0;    // of the arrivals
  std::chrono::nanoseconds warmup{0};  // before what is counted, at the same load
  std::chrono::nanoseconds duration{0};
  size_t max_samples = size_t{1} << 22;
};

struct RequestSample {
  uint64_t at_ns;  // steady clock: when the request arrived
  uint64_t latency_ns;
};

// Of the requests that arrived after the warm-up.
struct LoadResult {
  double seconds = 0;  // until the last answer
  uint64_t answered = 0;
  uint64_t torn = 0;  // among those answered
  uint64_t failed = 0;
  // Arrivals that were given up: the load was too high to catch up with.
  uint64_t unsent = 0;
  Histogram::Snapshot latency_ns;      // of those answered
  std::vector<RequestSample> samples;  // the first LoadOptions::max_samples, in no order

  double throughput() const { return seconds > 0 ? static_cast<double>(answered) / seconds : 0; }
  // Nanoseconds; exact while every answer has its sample, else as latency_ns. NaN of no answer.
  double LatencyQuantile(double q) const { return LatencyQuantiles({q}).front(); }
  std::vector<double> LatencyQuantiles(const std::vector<double>& qs) const;
  void Merge(LoadResult other);
};

// With a rate, the arrivals are taken in turn by the clients; a request waits while all are busy.
LoadResult RunLoad(const RunRequest& run, const LoadOptions& options);
// The same with one thread that begins each request when it arrives. Requires: a rate.
LoadResult SubmitLoad(const SubmitRequest& submit, const LoadOptions& options);

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_LOAD_H_
