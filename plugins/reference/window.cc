#include "plugins/reference/window.h"

#include <algorithm>

namespace midstream::reference {

ImageView::ImageView(Dims shape, bool channels_last) : rank(shape.size() - 2) {
  Index strides = Strides(shape);
  size_t channel = channels_last ? shape.size() - 1 : 1;
  size_t first = channels_last ? 1 : 2;
  batch = shape[0];
  channels = shape[channel];
  batch_stride = strides[0];
  channel_stride = strides[channel];
  for (size_t i = 0; i < rank; ++i) {
    spatial[i] = shape[first + i];
    spatial_strides[i] = strides[first + i];
  }
}

WindowAttributes::WindowAttributes(const NodeView& node)
    : kernel_(node.Ints("kernel_shape")),
      strides_(node.Ints("strides")),
      dilations_(node.Ints("dilations")),
      pads_(node.Ints("pads")),
      auto_pad_(node.String("auto_pad", "NOTSET")) {}

Window::Window(const WindowAttributes& attributes, const ImageView& in, const ImageView& out,
               Dims kernel)
    : rank_(in.rank), size_(in.spatial), in_strides_(in.spatial_strides) {
  bool same = attributes.auto_pad_.starts_with("SAME");
  for (size_t i = 0; i < rank_; ++i) {
    kernel_[i] = kernel[i];
    strides_[i] = attributes.strides_.empty() ? 1 : attributes.strides_[i];
    dilations_[i] = attributes.dilations_.empty() ? 1 : attributes.dilations_[i];
    if (same) {
      int64_t extent = (kernel_[i] - 1) * dilations_[i] + 1;
      int64_t total = std::max<int64_t>((out.spatial[i] - 1) * strides_[i] + extent - size_[i], 0);
      begin_[i] = attributes.auto_pad_ == "SAME_UPPER" ? total / 2 : total - total / 2;
      end_[i] = total - begin_[i];
    } else if (!attributes.pads_.empty()) {
      begin_[i] = attributes.pads_[i];
      end_[i] = attributes.pads_[rank_ + i];
    }
  }
}

int64_t Window::Cell(const Index& at, const Index& cell) const {
  int64_t offset = 0;
  for (size_t i = 0; i < rank_; ++i) {
    int64_t position = Position(at, cell, i);
    if (position < 0 || position >= size_[i]) return -1;
    offset += position * in_strides_[i];
  }
  return offset;
}

bool Window::InPadded(const Index& at, const Index& cell) const {
  for (size_t i = 0; i < rank_; ++i) {
    int64_t position = Position(at, cell, i);
    if (position < -begin_[i] || position >= size_[i] + end_[i]) return false;
  }
  return true;
}

}  // namespace midstream::reference
