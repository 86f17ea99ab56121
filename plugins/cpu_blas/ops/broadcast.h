// Broadcasting of contiguous tensors: a walk over rows in which every input either advances with
// the output or stands still.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_BROADCAST_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_BROADCAST_H_

#include <array>
#include <cstdint>

#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

constexpr uint32_t kMaxBroadcastRank = 8;
constexpr uint32_t kMaxBroadcastInputs = 3;

class Broadcast {
 public:
  // Requires: count <= kMaxBroadcastInputs, ranks <= kMaxBroadcastRank, shapes that broadcast to
  // out's. Axes along which all inputs behave alike are joined.
  Broadcast(const sdk::TensorView& out, const sdk::TensorView* inputs, uint32_t count)
      : count_(count) {
    std::array<int64_t, kMaxBroadcastInputs> step;
    step.fill(1);
    for (uint32_t i = 0; i < out.rank; ++i) {  // from the last axis to the first
      const int64_t size = out.dim(out.rank - 1 - i);
      if (size == 1) continue;
      Axis axis{size, {}};
      for (uint32_t in = 0; in < count; ++in) {
        int64_t dim = i < inputs[in].rank ? inputs[in].dim(inputs[in].rank - 1 - i) : 1;
        axis.steps[in] = dim == 1 ? 0 : step[in];
        step[in] *= dim;
      }
      Append(axis);
    }
    if (rank_ == 0) axes_[rank_++] = {1, {}};
  }

  int64_t row_length() const { return axes_[0].size; }
  int64_t row_count() const {
    int64_t rows = 1;
    for (uint32_t i = 1; i < rank_; ++i) rows *= axes_[i].size;
    return rows;
  }
  // Whether the input advances along a row; else one element serves the whole row.
  bool advances(uint32_t input) const { return axes_[0].steps[input] != 0; }

  // body(out_offset, offsets): elements before the row, for rows [begin, end).
  template <typename Body>
  void ForRows(int64_t begin, int64_t end, Body&& body) const {
    for (int64_t row = begin; row < end; ++row) {
      std::array<int64_t, kMaxBroadcastInputs> offsets{};
      int64_t rest = row;
      for (uint32_t i = 1; i < rank_; ++i) {
        int64_t at = rest % axes_[i].size;
        rest /= axes_[i].size;
        for (uint32_t in = 0; in < count_; ++in) offsets[in] += at * axes_[i].steps[in];
      }
      body(row * row_length(), offsets);
    }
  }

 private:
  struct Axis {
    int64_t size;
    std::array<int64_t, kMaxBroadcastInputs> steps;
  };

  void Append(const Axis& axis) {
    if (rank_ > 0) {
      Axis& inner = axes_[rank_ - 1];
      bool joins = true;
      for (uint32_t in = 0; in < count_; ++in)
        joins &= axis.steps[in] == inner.steps[in] * inner.size;
      if (joins) {
        inner.size *= axis.size;
        return;
      }
    }
    axes_[rank_++] = axis;
  }

  std::array<Axis, kMaxBroadcastRank> axes_{};  // innermost first
  uint32_t rank_ = 0;
  uint32_t count_;
};

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_BROADCAST_H_
