#include "ops/window.h"

namespace midstream::opencl {

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
