#include "core/measure/rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

#include "core/measure/clock.h"
#include "core/measure/statistics.h"

namespace midstream::measure {
namespace {

// What one subject does in one round.
struct Turn {
  uint64_t calls;  // 0: as many as begin within nanoseconds
  uint64_t nanoseconds;
  uint64_t most_kept;  // latencies
};

Status Call(const Subject& subject) {
  const Status status = subject.run();
  return status.ok() ? status : status.WithContext(subject.name);
}

Status TakeTurn(const Subject& subject, const Turn& turn, Sample* sample) {
  std::vector<double> latencies;
  const uint64_t begin = Now();
  uint64_t now = begin;
  for (uint64_t made = 0;
       turn.calls > 0 ? made < turn.calls : made == 0 || now - begin < turn.nanoseconds; ++made) {
    const uint64_t before = Now();
    MS_RETURN_IF_ERROR(Call(subject));
    now = Now();
    if (latencies.size() < turn.most_kept) {
      latencies.push_back(static_cast<double>(now - before));
    }
    ++sample->calls;
  }
  sample->seconds += static_cast<double>(now - begin) * 1e-9;
  sample->latencies_ns.insert(sample->latencies_ns.end(), latencies.begin(), latencies.end());
  std::sort(latencies.begin(), latencies.end());
  sample->round_medians_ns.push_back(Quantile(latencies, 0.5));
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
    for (uint64_t i = 0; i < options.warmup_calls; ++i) MS_RETURN_IF_ERROR(Call(subject));
  }
  std::vector<Sample> samples(subjects.size());
  Order order(subjects.size(), options.seed);
  for (uint64_t round = 0; round < rounds; ++round) {
    const Turn turn{options.calls / rounds + (round < options.calls % rounds),
                    static_cast<uint64_t>(options.seconds * 1e9 / static_cast<double>(rounds)),
                    std::max<uint64_t>(1, kMostLatencies / rounds)};
    for (const size_t subject : order.Of(round)) {
      MS_RETURN_IF_ERROR(TakeTurn(subjects[subject], turn, &samples[subject]));
    }
  }
  return samples;
}

}  // namespace midstream::measure
