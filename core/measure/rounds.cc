#include "core/measure/rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <thread>
#include <utility>

#include "core/measure/clock.h"
#include "core/measure/statistics.h"

namespace midstream::measure {
namespace {

Status Named(const Status& status, const Subject& subject) {
  return status.ok() ? status : status.WithContext(subject.name);
}

// One subject's part of one round, which its clients share.
class Turn {
 public:
  // calls: 0 for as many as begin within nanoseconds.
  Turn(uint64_t calls, uint64_t nanoseconds) : calls_(calls), until_ns_(Now() + nanoseconds) {}

  // Whether a client that has made so many calls makes another one.
  bool Next(uint64_t now, uint64_t made) {
    if (failed_.load(std::memory_order_relaxed)) return false;
    if (calls_ > 0) return begun_.fetch_add(1, std::memory_order_relaxed) < calls_;
    return made == 0 || now < until_ns_;
  }
  void Fail() { failed_.store(true, std::memory_order_relaxed); }

 private:
  const uint64_t calls_;
  const uint64_t until_ns_;
  std::atomic<uint64_t> begun_{0};
  std::atomic<bool> failed_{false};
};

struct Client {
  const std::function<Status()>& run;
  uint64_t most_kept;
  std::vector<double> latencies_ns = {};
  std::vector<uint64_t> began_ns = {};
  uint64_t calls = 0;
  Status status = {};

  void Take(Turn& turn) {
    for (uint64_t now = Now(); turn.Next(now, calls); ++calls) {
      const uint64_t before = Now();
      status = run();
      now = Now();
      if (!status.ok()) return turn.Fail();
      if (latencies_ns.size() >= most_kept) continue;
      latencies_ns.push_back(static_cast<double>(now - before));
      began_ns.push_back(before);
    }
  }
};

Status TakeTurn(const Subject& subject, uint64_t calls, uint64_t nanoseconds, uint64_t most_kept,
                Sample* sample) {
  const uint64_t most_each = std::max<uint64_t>(1, most_kept / (1 + subject.others.size()));
  std::vector<Client> clients = {{subject.run, most_each}};
  for (const auto& other : subject.others) clients.push_back({other, most_each});
  const uint64_t begin = Now();
  Turn turn(calls, nanoseconds);
  std::vector<std::thread> threads;
  for (size_t i = 1; i < clients.size(); ++i) {
    threads.emplace_back([&client = clients[i], &turn] { client.Take(turn); });
  }
  clients.front().Take(turn);
  for (std::thread& thread : threads) thread.join();
  sample->seconds += static_cast<double>(Now() - begin) * 1e-9;

  std::vector<double> latencies;
  for (const Client& client : clients) {
    MS_RETURN_IF_ERROR(Named(client.status, subject));
    latencies.insert(latencies.end(), client.latencies_ns.begin(), client.latencies_ns.end());
    sample->began_ns.insert(sample->began_ns.end(), client.began_ns.begin(), client.began_ns.end());
    sample->calls += client.calls;
  }
  sample->latencies_ns.insert(sample->latencies_ns.end(), latencies.begin(), latencies.end());
  std::sort(latencies.begin(), latencies.end());
  sample->round_medians_ns.push_back(Quantile(latencies, 0.5));
  return OkStatus();
}

// Each client makes the calls of the warm-up.
Status WarmUp(const Subject& subject, uint64_t calls) {
  for (uint64_t i = 0; i < calls; ++i) {
    MS_RETURN_IF_ERROR(Named(subject.run(), subject));
    for (const auto& other : subject.others) MS_RETURN_IF_ERROR(Named(other(), subject));
  }
  return OkStatus();
}

// Every even round has an order of its own, the odd one after it the reverse.
class Order {
 public:
  Order(size_t subjects, uint64_t seed) : order_(subjects), random_(seed) {
    std::iota(order_.begin(), order_.end(), size_t{0});
  }

  const std::vector<size_t>& Of(uint64_t round) {
    if (round % 2 == 1) {
      std::reverse(order_.begin(), order_.end());
    } else {
      for (size_t i = order_.size(); i > 1; --i) {
        std::swap(order_[i - 1], order_[((random_() >> 32) * i) >> 32]);
      }
    }
    return order_;
  }

 private:
  std::vector<size_t> order_;
  std::mt19937_64 random_;
};

}  // namespace

Result<std::vector<Sample>> TimeInRounds(std::span<const Subject> subjects,
                                         const RoundOptions& options) {
  if (options.rounds == 0) return InvalidArgument("timing needs at least one round");
  if (options.calls == 0 && !(options.seconds > 0 && options.seconds <= 1e6)) {
    return InvalidArgument(
        fmt::format("timing needs a number of calls, or seconds above 0 and up to 1e6, not {}",
                    options.seconds));
  }
  const uint64_t rounds =
      options.calls > 0 ? std::min(options.rounds, options.calls) : options.rounds;
  for (const Subject& subject : subjects) {
    MS_RETURN_IF_ERROR(WarmUp(subject, options.warmup_calls));
  }
  const auto nanoseconds =
      static_cast<uint64_t>(options.seconds * 1e9 / static_cast<double>(rounds));
  std::vector<Sample> samples(subjects.size());
  Order order(subjects.size(), options.seed);
  for (uint64_t round = 0; round < rounds; ++round) {
    const uint64_t calls = options.calls / rounds + (round < options.calls % rounds);
    for (const size_t subject : order.Of(round)) {
      MS_RETURN_IF_ERROR(TakeTurn(subjects[subject], calls, nanoseconds, kMostLatencies / rounds,
                                  &samples[subject]));
    }
  }
  return samples;
}

}  // namespace midstream::measure
