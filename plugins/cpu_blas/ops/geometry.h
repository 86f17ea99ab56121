// Images, and where sliding windows (midstream/window.hpp) meet them.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_GEOMETRY_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_GEOMETRY_H_

#include <cstdint>

#include "midstream/window.hpp"

namespace midstream::cpu_blas {

using sdk::WindowAxis;
using sdk::WindowSpec;

// The cells of a window that lie inside the image: where the first one is, and how many.
struct Cells {
  int64_t first, count;
};
Cells CellsInside(const WindowAxis& axis, int64_t out, int64_t size);

// An image batch: sizes by meaning, whatever the layout. A one-dimensional image has height 1.
struct ImageShape {
  int64_t batch, channels, height, width;
};

// Requires: rank 3 or 4.
ImageShape ImageOf(const sdk::TensorView& x, bool channels_last);

// The same for any number of spatial axes, up to the rank that claims allow.
constexpr uint32_t kMaxImageRank = 8;
struct SpatialShape {
  int64_t batch, channels;
  uint32_t axes;
  int64_t sizes[kMaxImageRank];

  int64_t pixels() const;
};
SpatialShape SpatialOf(const sdk::TensorView& x, bool channels_last);

// Steps through places in row-major order. Returns false after the last one.
bool NextPlace(const int64_t* sizes, uint32_t axes, int64_t* at);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_GEOMETRY_H_
