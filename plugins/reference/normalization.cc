// Batch normalisation, normalisation of rows, local response normalisation, softmax.
#include <array>
#include <cmath>

#include "plugins/reference/window.h"

namespace midstream::reference {
namespace {

KernelPtr BatchNormalization(const NodeView& node) {
  double epsilon = node.Float("epsilon", 1e-5);
  return MakeCompute([epsilon, channels_last = IsChannelsLast(node)](const Call& call) {
    Dims shape = call.in(0).shape();
    size_t axis = channels_last ? shape.size() - 1 : 1;
    const double* x = call.in(0).as<double>();
    const double* scale = call.in(1).as<double>();
    const double* shift = call.in(2).as<double>();
    const double* mean = call.in(3).as<double>();
    const double* variance = call.in(4).as<double>();
    double* y = call.out().as<double>();
    ForEach(shape, [&](const Index& at, int64_t i) {
      int64_t c = at[axis];
      y[i] = (x[i] - mean[c]) * scale[c] / std::sqrt(variance[c] + epsilon) + shift[c];
    });
  });
}

// Over the axes from `axis` on: (x - mean) / sqrt(variance + epsilon) * scale + shift; RMS leaves
// out mean and shift.
KernelPtr NormalizeRows(const NodeView& node) {
  double epsilon = node.Float("epsilon", 1e-5);
  int64_t axis = node.Int("axis", -1);
  bool centred = node.op() == "LayerNormalization";
  return MakeCompute([=](const Call& call) {
    Dims shape = call.in(0).shape();
    Operand shift = call.in(2);
    Index scale_at = BroadcastStrides(call.in(1).shape(), shape);
    Index shift_at = shift.present() ? BroadcastStrides(shift.shape(), shape) : Index{};
    int64_t n = sdk::Count(shape.subspan(NormalAxis(axis, shape.size())));
    const double* x = call.in(0).as<double>();
    double* y = call.out().as<double>();
    double mean = 0, root = 1;
    ForEach(shape, [&](const Index& at, int64_t i) {
      if (i % n == 0) {
        double sum = 0, squares = 0;
        for (int64_t j = 0; j < n && centred; ++j) sum += x[i + j];
        mean = sum / static_cast<double>(n);
        for (int64_t j = 0; j < n; ++j) squares += (x[i + j] - mean) * (x[i + j] - mean);
        root = std::sqrt(squares / static_cast<double>(n) + epsilon);
      }
      y[i] = (x[i] - mean) / root * call.in(1).as<double>()[Offset(at, scale_at, shape.size())];
      if (shift.present()) y[i] += shift.as<double>()[Offset(at, shift_at, shape.size())];
    });
  });
}

// y = x / (bias + alpha / size * s)^beta, s = sum of squares over `size` channels around x's.
KernelPtr Lrn(const NodeView& node) {
  double alpha = node.Float("alpha", 1e-4);
  double beta = node.Float("beta", 0.75);
  double bias = node.Float("bias", 1.0);
  int64_t size = node.Int("size", 1);
  return MakeCompute([=, channels_last = IsChannelsLast(node)](const Call& call) {
    Dims shape = call.in(0).shape();
    ImageView image(shape, channels_last);
    size_t axis = channels_last ? shape.size() - 1 : 1;
    const double* x = call.in(0).as<double>();
    double* y = call.out().as<double>();
    ForEach(shape, [&](const Index& at, int64_t i) {
      int64_t first = std::max<int64_t>(at[axis] - (size - 1) / 2, 0);
      int64_t last = std::min(at[axis] + size / 2, image.channels - 1);
      double sum = 0;
      for (int64_t c = first; c <= last; ++c) {
        double value = x[i + (c - at[axis]) * image.channel_stride];
        sum += value * value;
      }
      double base = bias + alpha / static_cast<double>(size) * sum;
      y[i] = x[i] / std::pow(base, beta);
    });
  });
}

// Along one axis: n elements, `step` apart.
void SoftmaxLine(const double* x, double* y, int64_t n, int64_t step, bool logarithm) {
  double largest = -INFINITY;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, x[i * step]);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i * step] - largest);
  for (int64_t i = 0; i < n; ++i) {
    double shifted = x[i * step] - largest;
    y[i * step] = logarithm ? shifted - std::log(sum) : std::exp(shifted) / sum;
  }
}

KernelPtr Softmax(const NodeView& node) {
  int64_t axis = node.Int("axis", -1);
  return MakeCompute([axis, logarithm = node.op() == "LogSoftmax"](const Call& call) {
    Dims shape = call.in(0).shape();
    size_t along = NormalAxis(axis, shape.size());
    int64_t step = Strides(shape)[along];
    const double* x = call.in(0).as<double>();
    double* y = call.out().as<double>();
    ForEach(shape, [&](const Index& at, int64_t i) {
      if (at[along] == 0) SoftmaxLine(x + i, y + i, shape[along], step, logarithm);
    });
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "BatchNormalization", ClaimAny, BatchNormalization},
    KernelEntry{"", "LRN", ClaimAny, Lrn},
    KernelEntry{"", "LayerNormalization", ClaimAny, NormalizeRows},
    KernelEntry{"", "LogSoftmax", ClaimAny, Softmax},
    KernelEntry{"", "RMSNormalization", ClaimAny, NormalizeRows},
    KernelEntry{"", "Softmax", ClaimAny, Softmax},
    KernelEntry{"midstream", "BatchNormalization", ClaimAny, BatchNormalization},
    KernelEntry{"midstream", "LRN", ClaimAny, Lrn},
};

}  // namespace

std::span<const KernelEntry> NormalizationKernels() { return kTable; }

}  // namespace midstream::reference
