// Sliding windows of convolutions and pooling over images of one or more spatial axes.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_WINDOW_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_WINDOW_H_

#include "kernel.h"

namespace midstream::opencl {

// One spatial axis of a window.
struct WindowAxis {
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_begin = 0;
  int64_t pad_end = 0;
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

// The axes of an image tensor: size and distance of elements, by meaning.
struct ImageAxis {
  int64_t size = 1;
  int64_t step = 0;
};
struct Image {
  ImageAxis batch, channels;
  std::vector<ImageAxis> spatial;

  static Image Of(const Operand& x, bool channels_last);
  int64_t pixels() const;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_WINDOW_H_
