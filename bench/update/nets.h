// The models whose weights are updated, and how an update is timed.
#ifndef MIDSTREAM_BENCH_UPDATE_NETS_H_
#define MIDSTREAM_BENCH_UPDATE_NETS_H_

#include <string>
#include <vector>

#include "bench/support/runtime.h"
#include "core/measure/updates.h"

namespace midstream::bench {

struct Model {
  Graph graph;
  // Two versions at addresses of their own, as from a trainer that writes one while the other is
  // read.
  std::vector<NamedTensor> weights[2];
  std::vector<Tensor> inputs;

  uint64_t bytes() const;
};

// The network of bench/mnist_deep, 13,098,536 bytes; filters and matrices are packed.
Model MnistDeep();
// Matrices and biases between layers of these widths, which are packed. shared: all matrices are
// the same memory in both versions, for models that would not fit in memory three times.
Model Mlp(const std::vector<int64_t>& widths, bool shared = false);
// Vectors that are added to the input one after the other: nothing is packed.
Model Vectors(int64_t count, int64_t length);

enum class Hand { kAssign, kAdopt };
// Stages and commits these values. Errors: as the transaction.
Result<measure::UpdateTimes> Update(weights::Store& store, const std::vector<NamedTensor>& values,
                                    Hand hand = Hand::kAssign);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_UPDATE_NETS_H_
