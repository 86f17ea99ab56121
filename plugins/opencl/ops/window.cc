#include "ops/window.h"

#include <algorithm>

namespace midstream::opencl {

WindowSpec WindowSpec::Parse(const sdk::NodeView& node) {
  WindowSpec spec;
  spec.strides = node.Ints("strides");
  spec.dilations = node.Ints("dilations");
  spec.pads = node.Ints("pads");
  spec.auto_pad = node.String("auto_pad", "NOTSET");
  spec.channels_last = node.domain() == kMidstream && node.String("data_layout", "NCHW") == "NHWC";
  return spec;
}

WindowAxis WindowSpec::Axis(size_t i, size_t n, int64_t kernel, int64_t in, int64_t out) const {
  WindowAxis axis;
  axis.kernel = kernel;
  if (i < strides.size()) axis.stride = strides[i];
  if (i < dilations.size()) axis.dilation = dilations[i];
  if (pads.size() == 2 * n) axis.pad_begin = pads[i], axis.pad_end = pads[n + i];
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    const int64_t extent = (kernel - 1) * axis.dilation + 1;
    const int64_t total = std::max<int64_t>(0, (out - 1) * axis.stride + extent - in);
    const int64_t less = total / 2, more = total - less;
    axis.pad_begin = auto_pad == "SAME_UPPER" ? less : more;
    axis.pad_end = auto_pad == "SAME_UPPER" ? more : less;
  }
  return axis;
}

Image Image::Of(const Operand& x, bool channels_last) {
  std::vector<ImageAxis> axes(x.rank());
  int64_t step = 1;
  for (size_t i = x.rank(); i-- > 0; step *= x.dim(i)) axes[i] = {x.dim(i), step};
  const auto channel = static_cast<std::ptrdiff_t>(channels_last ? x.rank() - 1 : 1);
  Image image{axes[0], axes[channel], axes};
  image.spatial.erase(image.spatial.begin() + channel);
  image.spatial.erase(image.spatial.begin());
  return image;
}

int64_t Image::pixels() const {
  int64_t count = 1;
  for (const ImageAxis& axis : spatial) count *= axis.size;
  return count;
}

}  // namespace midstream::opencl
