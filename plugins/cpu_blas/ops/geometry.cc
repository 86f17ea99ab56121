#include "ops/geometry.h"

#include <algorithm>

namespace midstream::cpu_blas {

Cells CellsInside(const WindowAxis& axis, int64_t out, int64_t size) {
  int64_t start = out * axis.stride - axis.pad_begin;
  int64_t skipped = start >= 0 ? 0 : (-start + axis.dilation - 1) / axis.dilation;
  int64_t end = std::min(axis.kernel, (size - start + axis.dilation - 1) / axis.dilation);
  return {start + skipped * axis.dilation, std::max<int64_t>(0, end - skipped)};
}

ImageShape ImageOf(const sdk::TensorView& x, bool channels_last) {
  bool flat = x.rank == 3;
  if (channels_last) {
    return {x.dim(0), x.dim(x.rank - 1), flat ? 1 : x.dim(1), flat ? x.dim(1) : x.dim(2)};
  }
  return {x.dim(0), x.dim(1), flat ? 1 : x.dim(2), flat ? x.dim(2) : x.dim(3)};
}

int64_t SpatialShape::pixels() const {
  int64_t count = 1;
  for (uint32_t i = 0; i < axes; ++i) count *= sizes[i];
  return count;
}

SpatialShape SpatialOf(const sdk::TensorView& x, bool channels_last) {
  SpatialShape shape{x.dim(0), x.dim(channels_last ? x.rank - 1 : 1), x.rank - 2, {}};
  for (uint32_t i = 0; i < shape.axes; ++i) shape.sizes[i] = x.dim(i + (channels_last ? 1 : 2));
  return shape;
}

bool NextPlace(const int64_t* sizes, uint32_t axes, int64_t* at) {
  for (uint32_t i = axes; i-- > 0;) {
    if (++at[i] < sizes[i]) return true;
    at[i] = 0;
  }
  return false;
}

}  // namespace midstream::cpu_blas
