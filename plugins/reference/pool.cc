// Pooling over windows. Global pooling is a reduction: reduce.cc.
#include <array>
#include <cmath>

#include "plugins/reference/window.h"

namespace midstream::reference {
namespace {

// body(window, input of this channel, place in the output, output position) for every element.
template <typename T, typename Body>
void ForEachWindow(const Call& call, const WindowAttributes& attributes, bool channels_last,
                   Body&& body) {
  ImageView x(call.in(0).shape(), channels_last);
  ImageView y(call.out().shape(), channels_last);
  Window window(attributes, x, y, attributes.kernel_shape());
  for (int64_t n = 0; n < y.batch; ++n) {
    for (int64_t c = 0; c < y.channels; ++c) {
      const T* image = call.in(0).as<T>() + x.At(n, c);
      T* out = call.out().as<T>() + y.At(n, c);
      ForEach(y.spatial_dims(), [&](const Index& at, int64_t) {
        body(window, image, out + Offset(at, y.spatial_strides, y.rank), at);
      });
    }
  }
}

template <typename T>
T Lowest(ms_dtype dtype) {
  if constexpr (std::is_same_v<T, double>) return -INFINITY;
  return static_cast<T>(LowestInt(dtype));
}

// Padding counts as minus infinity.
KernelPtr MaxPool(const NodeView& node) {
  return MakeCompute([attributes = WindowAttributes(node),
                      channels_last = IsChannelsLast(node)](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      T lowest = Lowest<T>(call.in(0).dtype());
      ForEachWindow<T>(call, attributes, channels_last,
                       [&](const Window& window, const T* image, T* out, const Index& at) {
                         T best = lowest;
                         ForEach(window.kernel(), [&](const Index& cell, int64_t) {
                           int64_t offset = window.Cell(at, cell);
                           if (offset >= 0 && !(image[offset] <= best)) best = image[offset];
                         });
                         *out = best;
                       });
    });
  });
}

// Divides by the number of cells inside the input, or with count_include_pad inside the padding.
KernelPtr AveragePool(const NodeView& node) {
  bool include_pad = node.Int("count_include_pad", 0) != 0;
  return MakeCompute([include_pad, attributes = WindowAttributes(node),
                      channels_last = IsChannelsLast(node)](const Call& call) {
    ForEachWindow<double>(
        call, attributes, channels_last,
        [&](const Window& window, const double* image, double* out, const Index& at) {
          double sum = 0;
          double cells = 0;
          ForEach(window.kernel(), [&](const Index& cell, int64_t) {
            int64_t offset = window.Cell(at, cell);
            if (offset >= 0) sum += image[offset];
            if (offset >= 0 || (include_pad && window.InPadded(at, cell))) ++cells;
          });
          *out = sum / cells;
        });
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "AveragePool", ClaimAny, AveragePool},
    KernelEntry{"", "MaxPool", ClaimAny, MaxPool},
    KernelEntry{"midstream", "AveragePool", ClaimAny, AveragePool},
    KernelEntry{"midstream", "MaxPool", ClaimAny, MaxPool},
};

}  // namespace

std::span<const KernelEntry> PoolKernels() { return kTable; }

}  // namespace midstream::reference
