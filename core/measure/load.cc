#include "core/measure/load.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "core/measure/arrivals.h"
#include "core/measure/clock.h"
#include "core/measure/statistics.h"

namespace midstream::measure {
namespace {

// Beyond the planned end, so that a load that cannot be served ends nevertheless.
constexpr uint64_t kGraceNs = 1'000'000'000;

class Recorder {
 public:
  explicit Recorder(const LoadOptions& options)
      : max_samples_(options.max_samples),
        start_ns_(Now()),
        from_ns_(start_ns_ + options.warmup.count()),
        until_ns_(from_ns_ + options.duration.count()) {
    const double expected = options.rate * std::chrono::duration<double>(options.duration).count();
    samples_.reserve(std::min(max_samples_, static_cast<size_t>(expected * 1.2) + (1 << 16)));
  }

  uint64_t start_ns() const { return start_ns_; }
  uint64_t until_ns() const { return until_ns_; }
  // Nothing is sent any more.
  uint64_t give_up_ns() const { return until_ns_ + (until_ns_ - start_ns_) + kGraceNs; }

  void Answer(uint64_t arrived_ns, Verdict verdict) {
    const uint64_t now = Now();
    if (arrived_ns < from_ns_) return;
    if (verdict == Verdict::kFailed) {
      failed_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (verdict == Verdict::kTorn) torn_.fetch_add(1, std::memory_order_relaxed);
    latency_.Record(now - arrived_ns);
    const std::lock_guard lock(mutex_);
    last_ns_ = std::max(last_ns_, now);
    if (samples_.size() < max_samples_) samples_.push_back({arrived_ns, now - arrived_ns});
  }
  void GiveUp(uint64_t arrived_ns) {
    if (arrived_ns >= from_ns_) unsent_.fetch_add(1, std::memory_order_relaxed);
  }

  // Requires: no request is under way.
  LoadResult Take() {
    LoadResult result;
    result.seconds = static_cast<double>(std::max(last_ns_, until_ns_) - from_ns_) * 1e-9;
    result.torn = torn_;
    result.failed = failed_;
    result.unsent = unsent_;
    result.latency_ns = latency_.TakeSnapshot();
    result.answered = result.latency_ns.count;
    result.samples = std::move(samples_);
    return result;
  }

 private:
  const size_t max_samples_;
  const uint64_t start_ns_, from_ns_, until_ns_;
  Histogram latency_;
  std::atomic<uint64_t> torn_{0}, failed_{0}, unsent_{0};
  std::mutex mutex_;
  std::vector<RequestSample> samples_;
  uint64_t last_ns_ = 0;
};

// The arrivals up to the end of the load, as moments of the clock.
class Schedule {
 public:
  Schedule(const LoadOptions& options, const Recorder& recorder)
      : arrivals_(options.rate, options.poisson, options.seed), recorder_(recorder) {}

  // False: there are no more.
  bool Next(uint64_t* at_ns) {
    const std::lock_guard lock(mutex_);
    *at_ns = recorder_.start_ns() + arrivals_.Next();
    return *at_ns < recorder_.until_ns();
  }

 private:
  std::mutex mutex_;
  Arrivals arrivals_;
  const Recorder& recorder_;
};

void OpenLoop(const RunRequest& run, size_t client, Schedule& schedule, Recorder& recorder) {
  for (uint64_t at_ns = 0; schedule.Next(&at_ns);) {
    if (Now() > recorder.give_up_ns()) {
      recorder.GiveUp(at_ns);
      continue;
    }
    WaitUntil(at_ns);
    recorder.Answer(at_ns, run(client));
  }
}

void ClosedLoop(const RunRequest& run, size_t client, Recorder& recorder) {
  for (uint64_t at_ns = Now(); at_ns < recorder.until_ns(); at_ns = Now()) {
    recorder.Answer(at_ns, run(client));
  }
}

// How many requests have begun and not ended.
class Outstanding {
 public:
  void Begin() { count_.fetch_add(1); }
  void End() {
    if (count_.fetch_sub(1) != 1) return;
    const std::lock_guard lock(mutex_);  // not between the waiter's look and its sleep
    none_.notify_all();
  }
  void WaitForNone() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [&] { return count_.load() == 0; });
  }

 private:
  std::atomic<size_t> count_{0};
  std::mutex mutex_;
  std::condition_variable none_;
};

}  // namespace

void LoadResult::Merge(LoadResult other) {
  seconds += other.seconds;
  answered += other.answered;
  torn += other.torn;
  failed += other.failed;
  unsent += other.unsent;
  latency_ns.Merge(other.latency_ns);
  samples.insert(samples.end(), other.samples.begin(), other.samples.end());
}

std::vector<double> LoadResult::LatencyQuantiles(const std::vector<double>& qs) const {
  std::vector<double> sorted;
  if (samples.size() == answered) {
    for (const RequestSample& sample : samples) {
      sorted.push_back(static_cast<double>(sample.latency_ns));
    }
    std::sort(sorted.begin(), sorted.end());
  }
  std::vector<double> quantiles;
  quantiles.reserve(qs.size());
  for (const double q : qs) {
    quantiles.push_back(samples.size() == answered ? Quantile(sorted, q)
                                                   : static_cast<double>(latency_ns.Quantile(q)));
  }
  return quantiles;
}

LoadResult RunLoad(const RunRequest& run, const LoadOptions& options) {
  Recorder recorder(options);
  std::optional<Schedule> schedule;
  if (options.rate > 0) schedule.emplace(options, recorder);
  std::vector<std::thread> clients;
  for (size_t client = 0; client < options.clients; ++client) {
    clients.emplace_back([&, client] {
      BeginTimedThread("ms-client");
      if (schedule) {
        OpenLoop(run, client, *schedule, recorder);
      } else {
        ClosedLoop(run, client, recorder);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  return recorder.Take();
}

LoadResult SubmitLoad(const SubmitRequest& submit, const LoadOptions& options) {
  Recorder recorder(options);
  Outstanding outstanding;
  std::thread([&] {
    BeginTimedThread("ms-arrivals");
    Schedule schedule(options, recorder);
    for (uint64_t at_ns = 0; schedule.Next(&at_ns);) {
      if (Now() > recorder.give_up_ns()) {
        recorder.GiveUp(at_ns);
        continue;
      }
      WaitUntil(at_ns);
      outstanding.Begin();
      submit([&, at_ns](Verdict verdict) {
        recorder.Answer(at_ns, verdict);
        outstanding.End();
      });
    }
  }).join();
  outstanding.WaitForNone();
  return recorder.Take();
}

}  // namespace midstream::measure
