// Tensors of heads, [B, N, S, H] or [B, S, N*H], as strides.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_HEADS_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_HEADS_H_

#include <cstdint>

#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

struct Heads {
  // `count`: heads of a [B, S, N*H].
  Heads(const sdk::TensorView& x, int64_t count) : batch(x.dim(0)) {
    const bool split = x.rank == 4;
    heads = split ? x.dim(1) : count;
    length = x.dim(split ? 2 : 1);
    width = split ? x.dim(3) : x.dim(2) / count;
    head_step = split ? length * width : width;
    row_step = split ? width : heads * width;
  }
  // Elements before the head n of position s of sample b.
  int64_t At(int64_t b, int64_t n, int64_t s) const {
    return b * heads * length * width + n * head_step + s * row_step;
  }

  int64_t batch, heads, length, width;
  int64_t head_step, row_step;  // elements between neighbours
};

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_HEADS_H_
