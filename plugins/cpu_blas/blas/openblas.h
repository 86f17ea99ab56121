// OpenBLAS, opened at run time and never linked: for large products whose right-hand side is no
// weight, where it is found to be faster than packing anew and multiplying with own kernels.
//
// The library chooses its kernels in its constructor, by processor model, and takes slow ones for
// models that it does not know. So the core type is chosen from CPU features and set in the
// environment while the library is loaded, unless the user has set it. It runs on one thread: the
// engine has its own.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_BLAS_OPENBLAS_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_BLAS_OPENBLAS_H_

#include "kernels/kernel_table.h"
#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

enum class BlasUse { kAuto, kAlways, kNever };  // auto: if it is faster, measured once

class OpenBlas {
 public:
  // Loaded on the first call; nullptr when the library is missing. Logs which core it took.
  // Threads: any.
  static const OpenBlas* Get(const sdk::Host& host);
  // nullptr when it is not to be used beside these kernels. Logs what it measured.
  static const OpenBlas* GetIfUseful(const KernelTable& isa, BlasUse use, const sdk::Host& host);

  // C [m, n] = A [m, k] * B [k, n] (B transposed: [n, k]), rows contiguous. On the calling thread.
  void Multiply(int64_t m, int64_t n, int64_t k, const float* a, const float* b, bool transpose_b,
                float* c) const;

 private:
  using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                         float alpha, const float* a, int lda, const float* b, int ldb, float beta,
                         float* c, int ldc);
  static const OpenBlas* Load(const sdk::Host& host);
  double SpeedupOver(const KernelTable& isa) const;

  Sgemm sgemm_ = nullptr;
};

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_BLAS_OPENBLAS_H_
