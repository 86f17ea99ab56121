// The peer: mnist_deep by im2col and OpenBLAS, as one writes it by hand with a BLAS at hand.
//
// Filters HWIO and matrices [in,out] are what sgemm takes, so nothing is packed and an update costs
// nothing; every run pays for it. OpenBLAS is opened with the core type that the CPU really has:
// left alone, Debian's chooses a much slower one on many CPUs.
//
// Threads: one; how many OpenBLAS uses is global to the process.
#ifndef MIDSTREAM_BENCH_MNIST_DEEP_OPENBLAS_NET_H_
#define MIDSTREAM_BENCH_MNIST_DEEP_OPENBLAS_NET_H_

#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/graph/named_tensor.h"

namespace midstream::bench {

class OpenBlas {
 public:
  // Errors: NOT_FOUND when the library or a function of it is missing.
  static Result<OpenBlas> Open();

  void set_threads(int threads) const { set_num_threads_(threads); }
  std::string core_name() const { return corename_(); }

  // c [m,n] = a [m,k] * b [k,n], all row-major and dense.
  void Multiply(int m, int n, int k, const float* a, const float* b, float* c) const;

 private:
  using Gemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                        float, float*, int);
  using Gemv = void (*)(int, int, int, int, float, const float*, int, const float*, int, float,
                        float*, int);
  Gemm gemm_ = nullptr;
  Gemv gemv_ = nullptr;
  void (*set_num_threads_)(int) = nullptr;
  char* (*corename_)() = nullptr;
};

class OpenBlasNet {
 public:
  OpenBlasNet(OpenBlas blas, std::vector<NamedTensor> weights, int max_batch);

  // images [batch,784] -> logits [batch,10].
  void Run(const float* images, int batch, int threads, float* logits);

 private:
  const float* Weight(size_t i) const {
    return static_cast<const float*>(weights_[i].value.data());
  }

  OpenBlas blas_;
  std::vector<NamedTensor> weights_;
  std::vector<float> columns_, product_, pooled1_, pooled2_, hidden_;
};

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_MNIST_DEEP_OPENBLAS_NET_H_
