// Recognises dropout in a graph, in every form that TensorFlow has written it, so that inference
// can do without it.
//
// With a probability to keep of 1 (a rate of 0) each form computes its input exactly, whatever the
// random numbers are, since those lie in [0, 1):
//   TensorFlow <= 1.12   Mul(RealDiv(x, keep), Floor(Add(keep, U)))
//   TensorFlow >= 1.13   Mul(Mul(x, RealDiv(1, Sub(1, rate))), Cast(GreaterEqual(U, rate)))
//   today                SelectV2(GreaterEqual(U, rate), RealDiv(x, Sub(1, rate)), 0)
// with constants in place of the arithmetic where rate or keep is constant.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_DROPOUT_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_DROPOUT_H_

#include <optional>
#include <set>

#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

struct DropoutMatch {
  TensorRef input;                   // what the dropout's output equals
  std::optional<TensorRef> control;  // the placeholder that sets it; absent: a constant does
  double required = 1.0;             // value of `control` for which nothing is dropped
};

// nullopt when `output` does not make a dropout's result. A tensor in `cut` is fed by the caller:
// where one lies inside the pattern, the numbers are not random and nothing matches.
std::optional<DropoutMatch> MatchDropout(const TfGraph& graph, const std::set<TensorRef>& cut,
                                         TensorRef output);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_DROPOUT_H_
