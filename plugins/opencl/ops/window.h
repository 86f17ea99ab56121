// Images of one or more spatial axes, over which windows (midstream/window.hpp) slide.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_WINDOW_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_WINDOW_H_

#include "kernel.h"
#include "midstream/window.hpp"

namespace midstream::opencl {

using sdk::WindowAxis;
using sdk::WindowSpec;

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
