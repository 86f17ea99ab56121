// AnswerCheck: whether an answer is the one that its version of the weights gives, or torn.
//
// A trainer pushes a few sets of weights in turn. What each set answers to the one input of the
// measurement is learned beforehand; every answer then must be that of its version's set. An answer
// may differ from it by 1/8 of what the two most similar sets differ by, since a batch of another
// size may round otherwise. Up to kElements of each output are compared, spread over all of it.
//
// Threads: Learn by one before all else; Announce by one at a time; Check by any.
#ifndef MIDSTREAM_CORE_MEASURE_ANSWER_CHECK_H_
#define MIDSTREAM_CORE_MEASURE_ANSWER_CHECK_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "core/graph/tensor.h"

namespace midstream::measure {

class AnswerCheck {
 public:
  static constexpr int64_t kElements = 256;

  // What set `answers.size()` so far answers, asked twice: models that compute random numbers do
  // not repeat themselves.
  void Learn(const std::vector<Tensor>& first, const std::vector<Tensor>& second);
  // Whether answers tell the sets apart; else Check finds every answer right.
  bool Decides() const { return tolerance_ >= 0; }

  // Before the version is committed, and for the one that is current at the beginning.
  void Announce(uint64_t version, size_t set);
  // False: torn, or of a version that was never announced. Versions that were announced more than
  // kVersions announcements ago count as right.
  bool Check(const std::vector<Tensor>& outputs, uint64_t version) const;

 private:
  static constexpr size_t kVersions = 4096;

  double DistanceTo(const std::vector<Tensor>& outputs, size_t set) const;
  void Judge();

  std::vector<std::vector<Tensor>> expected_;            // by set
  double noise_ = 0;                                     // between two answers of one set
  double tolerance_ = -1;                                // negative: undecided
  std::array<std::atomic<uint64_t>, kVersions> sets_{};  // (version << 8 | set) + 1, by version
};

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_ANSWER_CHECK_H_
