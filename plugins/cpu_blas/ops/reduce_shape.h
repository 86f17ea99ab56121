// The axes of a reduction: which are folded, and where their elements lie.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_REDUCE_SHAPE_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_REDUCE_SHAPE_H_

#include <array>
#include <cstdint>

#include "ops/elements.h"

namespace midstream::cpu_blas {

// The axes of a tensor with neighbours of one kind joined: kept and reduced axes take turns. With
// keep_ones, axes of size 1 count as any other, so that the order of a sum does not depend on the
// size of the batch.
struct ReduceShape {
  static constexpr uint32_t kMaxRank = 8;
  struct Axis {
    int64_t size, step;
    bool reduced;
  };
  std::array<Axis, kMaxRank> axes{};
  uint32_t rank = 0;
  int64_t outputs = 1, reduced = 1;

  ReduceShape(const sdk::TensorView& x, const std::array<bool, kMaxRank>& marks, bool keep_ones) {
    int64_t step = x.count();
    for (uint32_t i = 0; i < x.rank; ++i) {
      const int64_t size = x.dim(i);
      (marks[i] ? reduced : outputs) *= size;
      step = size == 0 ? 0 : step / size;
      if (size == 1 && !keep_ones) continue;
      if (rank > 0 && axes[rank - 1].reduced == marks[i]) {
        axes[rank - 1].size *= size;
        axes[rank - 1].step = step;
      } else {
        axes[rank++] = {size, step, marks[i]};
      }
    }
  }

  // Offset of element `index` among the reduced (or the kept) axes.
  int64_t Offset(int64_t index, bool of_reduced) const {
    int64_t offset = 0;
    for (uint32_t i = rank; i-- > 0;) {
      if (axes[i].reduced != of_reduced) continue;
      offset += index % axes[i].size * axes[i].step;
      index /= axes[i].size;
    }
    return offset;
  }
};

// Folds a tensor of float64 or integers. Requires: shape.outputs > 0.
void ReduceAny(const KernelTable& isa, Reduce op, const ReduceShape& shape,
               const sdk::TensorView& x, const sdk::TensorView& out, const sdk::Host& host);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_REDUCE_SHAPE_H_
