// Sliding windows of convolutions and pooling: the ONNX attributes strides, dilations, pads and
// auto_pad, and what they come to along one spatial axis. Header-only, owns nothing.
#ifndef MIDSTREAM_WINDOW_HPP_
#define MIDSTREAM_WINDOW_HPP_

#include <algorithm>

#include "midstream/view.hpp"

namespace midstream::sdk {

// One spatial axis; elements of the input.
struct WindowAxis {
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_begin = 0;
  int64_t pad_end = 0;

  // What a window spans.
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  bool is_trivial() const { return kernel == 1 && stride == 1 && pad_begin == 0 && pad_end == 0; }
};

// The attributes of a node; the kernel sizes come from elsewhere for a convolution.
struct WindowSpec {
  std::vector<int64_t> strides, dilations, pads;
  std::string auto_pad;
  bool channels_last = false;

  static WindowSpec Parse(const NodeView& node) {
    return {node.Ints("strides"), node.Ints("dilations"), node.Ints("pads"),
            node.String("auto_pad", "NOTSET"),
            node.domain() == "midstream" && node.String("data_layout", "NCHW") == "NHWC"};
  }

  // Axis `i` of `n` spatial axes of sizes in -> out. With SAME, the padding follows from the sizes.
  WindowAxis Axis(size_t i, size_t n, int64_t kernel, int64_t in, int64_t out) const {
    WindowAxis axis;
    axis.kernel = kernel;
    if (i < strides.size()) axis.stride = strides[i];
    if (i < dilations.size()) axis.dilation = dilations[i];
    if (pads.size() == 2 * n) axis.pad_begin = pads[i], axis.pad_end = pads[n + i];
    if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
      const int64_t total = std::max<int64_t>(0, (out - 1) * axis.stride + axis.extent() - in);
      const int64_t less = total / 2, more = total - less;
      axis.pad_begin = auto_pad == "SAME_UPPER" ? less : more;
      axis.pad_end = auto_pad == "SAME_UPPER" ? more : less;
    }
    return axis;
  }
};

}  // namespace midstream::sdk

#endif  // MIDSTREAM_WINDOW_HPP_
