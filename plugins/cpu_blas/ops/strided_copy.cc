#include "ops/strided_copy.h"

#include <algorithm>

#include "parallel.h"

namespace midstream::cpu_blas {

void StridedView::AddAxis(int64_t size, int64_t step) {
  if (size == 1) return;
  // An axis that continues the one before it becomes part of it.
  if (rank_ > 0 && axes_[rank_ - 1].step == step * size) {
    axes_[rank_ - 1] = {axes_[rank_ - 1].size * size, step};
    return;
  }
  axes_[rank_++] = {size, step};
}

template <typename T>
void StridedView::CopyRows(T* out, const T* source, int64_t begin, int64_t end) const {
  const Axis row = rank_ > 0 ? axes_[rank_ - 1] : Axis{1, 1};
  for (int64_t i = begin; i < end; ++i) {
    int64_t rest = i;
    const T* from = source + start_;
    for (uint32_t axis = rank_ - std::min(rank_, 1u); axis-- > 0;) {
      from += rest % axes_[axis].size * axes_[axis].step;
      rest /= axes_[axis].size;
    }
    T* to = out + i * row.size;
    if (row.step == 1) {
      std::memcpy(to, from, static_cast<size_t>(row.size) * sizeof(T));
    } else {
      for (int64_t j = 0; j < row.size; ++j) to[j] = from[j * row.step];
    }
  }
}

template <typename T>
void StridedView::Copy(T* out, const T* source, const sdk::Host& host) const {
  int64_t rows = 1;
  for (uint32_t i = 0; i + 1 < rank_; ++i) rows *= axes_[i].size;
  int64_t row = rank_ > 0 ? axes_[rank_ - 1].size : 1;
  if (rows == 0 || row == 0) return;
  double bytes = static_cast<double>(rows * row) * sizeof(T);
  ForRange(host, bytes / 4e3, rows, 1,
           [&](int64_t begin, int64_t end) { CopyRows(out, source, begin, end); });
}

void StridedView::CopyTo(void* out, const void* source, uint64_t width,
                         const sdk::Host& host) const {
  switch (width) {
    case 1:
      return Copy(static_cast<uint8_t*>(out), static_cast<const uint8_t*>(source), host);
    case 2:
      return Copy(static_cast<uint16_t*>(out), static_cast<const uint16_t*>(source), host);
    case 4:
      return Copy(static_cast<uint32_t*>(out), static_cast<const uint32_t*>(source), host);
    default:
      return Copy(static_cast<uint64_t*>(out), static_cast<const uint64_t*>(source), host);
  }
}

}  // namespace midstream::cpu_blas
