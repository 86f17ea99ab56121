// Rounds: how long the calls of several subjects take, side by side in one run.
//
// The run is cut into rounds in which every subject has its turn, so that what drifts (the machine's
// clock, other programs) meets all of them alike and each round is one paired comparison. Every
// second round has the order of the one before in reverse (ABBA), so that neither coming first nor
// coming after a certain other one favours anybody; who begins is drawn from the seed.
//
// A closed loop: a call begins when the one before has returned. Threads: the first client of each
// subject is the caller's thread, others have one of their own in each round.
#ifndef MIDSTREAM_CORE_MEASURE_ROUNDS_H_
#define MIDSTREAM_CORE_MEASURE_ROUNDS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.h"

namespace midstream::measure {

// One call of `run` is one inference.
struct Subject {
  std::string name;
  std::function<Status()> run;
  // Further clients, which call at the same time.
  std::vector<std::function<Status()>> others = {};
};

struct RoundOptions {
  uint64_t warmup_calls = 5;  // of each subject, before the first round
  double seconds = 3;         // of each subject, over all rounds; at least one call in each
  uint64_t calls =
      0;  // > 0: exactly so many of each subject by all its clients, instead of seconds
  uint64_t rounds = 10;  // fewer where there are fewer calls than that
  uint64_t seed = 0;     // of the order
};

// Of one subject, round after round; within a round client after client, each in order of time.
struct Sample {
  // Of the first calls of each round: kMostLatencies in all rounds together, shared evenly.
  std::vector<double> latencies_ns;
  std::vector<double> round_medians_ns;
  std::vector<uint64_t> began_ns;  // when each of latencies_ns began, on the steady clock
  uint64_t calls = 0;              // all of them
  double seconds = 0;              // that they took
};
inline constexpr uint64_t kMostLatencies = uint64_t{1} << 22;

// Samples in the order of the subjects. Errors: INVALID_ARGUMENT for options that allow no call; the
// first error of a subject, with its name, which ends the run.
Result<std::vector<Sample>> TimeInRounds(std::span<const Subject> subjects,
                                         const RoundOptions& options);

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_ROUNDS_H_
