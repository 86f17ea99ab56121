// Comparison: one model, the same inputs, several arms in one process.
//
// The arms are opened one after the other, the baseline first; each runs once, and its outputs are
// held against the baseline's, again after every update. Then calls of all arms take turns in rounds
// (core/measure/rounds.h). An arm that cannot take part is a row with the reason.
//
// Threads: one at a time.
#ifndef MIDSTREAM_CORE_COMPARE_COMPARISON_H_
#define MIDSTREAM_CORE_COMPARE_COMPARISON_H_

#include <functional>
#include <string>
#include <vector>

#include "core/compare/report.h"
#include "core/compare/tolerance.h"
#include "core/measure/rounds.h"

namespace midstream::compare {

struct Request {
  std::vector<ArmSpec> arms;
  size_t baseline = 0;
  ModelSpec model;
  // The inputs for a session that takes these.
  std::function<Result<std::vector<NamedTensor>>(const std::vector<TensorSpec>&)> make_inputs;
  uint64_t seed = 0;
  PerOutput atol, rtol;
  std::vector<std::string> weights;  // updates, in order
  bool layers = false;
  bool time = true;
  measure::RoundOptions rounds;
  std::function<void(const std::string&)> progress;  // what is done next; may be null
};

// Where the baseline does not run, the others are not tried: Report::base() says why. Errors: those
// of make_inputs; tolerances for outputs that there are not; those of the timed calls.
Result<Report> RunComparison(const Request& request);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_COMPARISON_H_
