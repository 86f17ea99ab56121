// Sliding windows over the spatial axes of a tensor, whatever its layout.
#ifndef MIDSTREAM_PLUGINS_REFERENCE_WINDOW_H_
#define MIDSTREAM_PLUGINS_REFERENCE_WINDOW_H_

#include <string>
#include <vector>

#include "plugins/reference/kernels.h"

namespace midstream::reference {

// A tensor seen as [batch, channel, spatial...] with the strides of its layout.
struct ImageView {
  ImageView(Dims shape, bool channels_last);

  int64_t batch;
  int64_t channels;
  Index spatial{};
  size_t rank;  // spatial axes
  int64_t batch_stride;
  int64_t channel_stride;
  Index spatial_strides{};

  Dims spatial_dims() const { return {spatial.data(), rank}; }
  int64_t At(int64_t n, int64_t c) const { return n * batch_stride + c * channel_stride; }
};

// The attributes kernel_shape, strides, dilations, pads and auto_pad.
class WindowAttributes {
 public:
  explicit WindowAttributes(const NodeView& node);
  const std::vector<int64_t>& kernel_shape() const { return kernel_; }

 private:
  friend class Window;
  std::vector<int64_t> kernel_;
  std::vector<int64_t> strides_;
  std::vector<int64_t> dilations_;
  std::vector<int64_t> pads_;
  std::string auto_pad_;
};

// The attributes at concrete sizes.
class Window {
 public:
  Window(const WindowAttributes& attributes, const ImageView& in, const ImageView& out,
         Dims kernel);

  Dims kernel() const { return {kernel_.data(), rank_}; }
  // Offset in the input (without batch and channel) of cell `cell` of the window at output
  // position `at`, or -1 when the cell lies in the padding.
  int64_t Cell(const Index& at, const Index& cell) const;
  // The cell lies in the input or in the declared padding, not beyond.
  bool InPadded(const Index& at, const Index& cell) const;

 private:
  int64_t Position(const Index& at, const Index& cell, size_t axis) const {
    return at[axis] * strides_[axis] + cell[axis] * dilations_[axis] - begin_[axis];
  }

  size_t rank_;
  Index kernel_{};
  Index strides_{};
  Index dilations_{};
  Index begin_{};
  Index end_{};
  Index size_{};
  Index in_strides_{};
};

}  // namespace midstream::reference

#endif  // MIDSTREAM_PLUGINS_REFERENCE_WINDOW_H_
