// The benches of this folder, and what they share.
#ifndef MIDSTREAM_BENCH_MNIST_DEEP_CASES_H_
#define MIDSTREAM_BENCH_MNIST_DEEP_CASES_H_

#include <map>
#include <memory>
#include <vector>

#include "bench/mnist_deep/openblas_net.h"
#include "bench/support/mnist_deep.h"
#include "bench/support/runtime.h"

namespace midstream::bench {

constexpr int kMaxBatch = 128;

struct Fixture {
  RuntimeOptions options;
  // Of the outputs' largest magnitude; set by the precision.
  double tolerance = 1e-4;
  std::vector<NamedTensor> weights[2];  // two versions, at addresses of their own
  Tensor images;                        // kMaxBatch
  OpenBlas blas;
  std::unique_ptr<OpenBlasNet> peer[2];              // by version of the weights
  std::map<int, std::unique_ptr<Runtime>> runtimes;  // by number of threads
  std::map<int, Net> nets;

  // The first `batch` images.
  Tensor Images(int64_t batch) const;
};

// Errors: those of the engine; INTERNAL when the answers of any two contenders differ.
Result<std::unique_ptr<Fixture>> MakeFixture(const RuntimeOptions& options);

// The largest difference as a part of the largest magnitude of `want`.
double Deviation(std::span<const float> got, std::span<const float> want);

// Waits until every pool in the process has stopped spinning: OpenBLAS' threads look for work for
// tens of milliseconds, on the core that somebody else is measured on.
void LetThreadsSleep();

void RegisterInference(Fixture* fixture);
void RegisterUpdate(Fixture* fixture);
void RegisterEmptyCall(Fixture* fixture);
void RegisterMlp(Fixture* fixture);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_MNIST_DEEP_CASES_H_
