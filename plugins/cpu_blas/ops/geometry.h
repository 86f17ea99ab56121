// Sliding windows of convolutions and pooling over images, one or two spatial axes.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_GEOMETRY_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_GEOMETRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

// One spatial axis.
struct WindowAxis {
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_begin = 0;
  int64_t pad_end = 0;

  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  bool is_trivial() const { return kernel == 1 && stride == 1 && pad_begin == 0 && pad_end == 0; }
};

// The attributes of a node; the kernel sizes come from elsewhere for a convolution.
struct WindowSpec {
  std::vector<int64_t> strides, dilations, pads;
  std::string auto_pad;
  bool channels_last = false;

  static WindowSpec Parse(const sdk::NodeView& node);
  // Axis `i` of `n` spatial axes of sizes in -> out. With SAME, the padding follows from the sizes.
  WindowAxis Axis(size_t i, size_t n, int64_t kernel, int64_t in, int64_t out) const;
};

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
