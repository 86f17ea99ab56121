// Convolution: for each output element, the sum over the cells of its window.
#include <array>

#include "plugins/reference/activation.h"
#include "plugins/reference/window.h"

namespace midstream::reference {
namespace {

// W seen as [out channels, in channels of the group, kernel...].
struct FilterView {
  FilterView(Dims shape, bool hwio) : rank(shape.size() - 2) {
    Index strides = Strides(shape);
    size_t out = hwio ? rank + 1 : 0;
    size_t in = hwio ? rank : 1;
    channels = shape[in];
    out_stride = strides[out];
    in_stride = strides[in];
    for (size_t i = 0; i < rank; ++i) {
      kernel[i] = shape[(hwio ? 0 : 2) + i];
      kernel_strides[i] = strides[(hwio ? 0 : 2) + i];
    }
  }

  size_t rank;
  int64_t channels;
  int64_t out_stride;
  int64_t in_stride;
  Index kernel{};
  Index kernel_strides{};
};

// One output element: x and w point to the first channel of the group and to the output's filter.
double WindowSum(const Window& window, const FilterView& filter, const ImageView& image,
                 const Index& at, const double* x, const double* w) {
  double sum = 0;
  ForEach(window.kernel(), [&](const Index& cell, int64_t) {
    int64_t offset = window.Cell(at, cell);
    if (offset < 0) return;
    const double* from = x + offset;
    const double* weight = w + Offset(cell, filter.kernel_strides, filter.rank);
    for (int64_t c = 0; c < filter.channels; ++c) {
      sum += from[c * image.channel_stride] * weight[c * filter.in_stride];
    }
  });
  return sum;
}

KernelPtr Conv(const NodeView& node) {
  bool channels_last = IsChannelsLast(node);
  bool hwio = node.String("weight_layout", "OIHW") == "HWIO";
  int64_t group = node.Int("group", 1);
  return MakeCompute(
      [=, attributes = WindowAttributes(node), activation = Activation(node)](const Call& call) {
        ImageView x(call.in(0).shape(), channels_last);
        ImageView y(call.out().shape(), channels_last);
        FilterView filter(call.in(1).shape(), hwio);
        Window window(attributes, x, y, {filter.kernel.data(), filter.rank});
        Operand bias = call.in(2);
        for (int64_t n = 0; n < y.batch; ++n) {
          for (int64_t c = 0; c < y.channels; ++c) {
            int64_t first = c / (y.channels / group) * filter.channels;
            const double* image = call.in(0).as<double>() + x.At(n, first);
            const double* weights = call.in(1).as<double>() + c * filter.out_stride;
            double* out = call.out().as<double>() + y.At(n, c);
            double start = bias.present() ? bias.as<double>()[c] : 0.0;
            ForEach(y.spatial_dims(), [&](const Index& at, int64_t) {
              double sum = WindowSum(window, filter, x, at, image, weights);
              out[Offset(at, y.spatial_strides, y.rank)] = activation(sum + start);
            });
          }
        }
      });
}

constexpr std::array kTable = {
    KernelEntry{"", "Conv", ClaimAny, Conv},
    KernelEntry{"midstream", "Conv", ClaimAny, Conv},
};

}  // namespace

std::span<const KernelEntry> ConvKernels() { return kTable; }

}  // namespace midstream::reference
