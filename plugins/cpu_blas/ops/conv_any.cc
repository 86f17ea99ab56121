// Convolution as sums of products: for each row of output pixels and each cell of the filter, the
// pixels under that cell times the cell's matrix [in channels, out channels]. Both layouts of images
// and filters are read where they lie; cells in the padding are left out.
#include "ops/conv_any.h"

#include "ops/activation.h"
#include "ops/matmul_any.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

struct AnyConvOptions {
  WindowSpec window;
  bool weights_hwio = false;
  int64_t group = 1;
  RealActivation activation;
};

template <typename T>
class AnyConvKernel final : public sdk::Kernel {
 public:
  AnyConvKernel(const KernelTable& isa, AnyConvOptions options)
      : isa_(isa), options_(std::move(options)) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    ScratchCutter scratch(args.scratch);
    const Job job = Prepare(args, &scratch);
    const int64_t count = args.outputs[0].count();
    if (count == 0) return;
    const int64_t rows = job.out.batch * job.out.pixels() / job.row;
    const double products = static_cast<double>(count * job.in_channels * job.cells);
    ForRange(*args.host, products / 4e3, rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) RunRow(job, row);
    });
    options_.activation.Run(isa_, job.result, count);
    FinishReals(isa_, job.result, args.outputs[0]);
  }

 private:
  struct Job {
    SpatialShape in, out;
    WindowAxis window[kMaxImageRank];
    int64_t kernel[kMaxImageRank];
    int64_t in_channels, out_channels;                 // of one group
    int64_t cells, row;                                // row: pixels of an output row
    int64_t cell_step, in_step, out_step, group_step;  // of the filters
    const T *image, *filters, *bias;
    T* result;
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const TensorView &x = args.inputs[0], &w = args.inputs[1], &out = args.outputs[0];
    const bool last = options_.window.channels_last, hwio = options_.weights_hwio;
    Job job{};
    job.in = SpatialOf(x, last);
    job.out = SpatialOf(out, last);
    job.in_channels = w.dim(hwio ? w.rank - 2 : 1);
    job.out_channels = job.out.channels / options_.group;
    job.cells = 1;
    for (uint32_t i = 0; i < job.in.axes; ++i) {
      job.kernel[i] = w.dim(i + (hwio ? 0 : 2));
      job.cells *= job.kernel[i];
      job.window[i] =
          options_.window.Axis(i, job.in.axes, job.kernel[i], job.in.sizes[i], job.out.sizes[i]);
    }
    job.row = job.out.sizes[job.out.axes - 1];
    job.cell_step = hwio ? job.in_channels * job.out.channels : 1;
    job.in_step = hwio ? job.out.channels : job.cells;
    job.out_step = hwio ? 1 : job.in_channels * job.cells;
    job.group_step = job.out_channels * job.out_step;
    job.image = AsReals<T>(isa_, x, scratch);
    job.filters = AsReals<T>(isa_, w, scratch);
    job.bias = args.n_inputs > 2 ? AsReals<T>(isa_, args.inputs[2], scratch) : nullptr;
    job.result = OutputReals<T>(out, scratch);
    return job;
  }

  void RunRow(const Job& job, int64_t row) const {
    int64_t place[kMaxImageRank] = {};
    int64_t rest = row;
    for (uint32_t i = job.out.axes - 1; i-- > 0; rest /= job.out.sizes[i]) {
      place[i] = rest % job.out.sizes[i];
    }
    const int64_t image = rest;
    const int64_t pixel = (row - image * (job.out.pixels() / job.row)) * job.row;
    StartRow(job, image, pixel);
    int64_t at[kMaxImageRank] = {};
    for (int64_t cell = 0; cell < job.cells; ++cell, NextPlace(job.kernel, job.in.axes, at)) {
      int64_t from = 0;  // the image pixel under the first output pixel, without the last axis
      bool inside = true;
      for (uint32_t i = 0; i + 1 < job.in.axes; ++i) {
        const int64_t y = place[i] * job.window[i].stride + at[i] * job.window[i].dilation -
                          job.window[i].pad_begin;
        inside &= y >= 0 && y < job.in.sizes[i];
        from = from * job.in.sizes[i] + y;
      }
      if (inside) AddCell(job, image, pixel, cell, from, at[job.in.axes - 1]);
    }
  }

  // Output pixels and channels: which steps apart they lie.
  int64_t PixelStep(const Job& job) const {
    return options_.window.channels_last ? job.out.channels : 1;
  }
  int64_t ChannelStep(const Job& job) const {
    return options_.window.channels_last ? 1 : job.out.pixels();
  }

  void StartRow(const Job& job, int64_t image, int64_t pixel) const {
    T* out = job.result + image * job.out.channels * job.out.pixels() + pixel * PixelStep(job);
    for (int64_t c = 0; c < job.out.channels; ++c) {
      const T value = job.bias != nullptr ? job.bias[c] : T(0);
      T* to = out + c * ChannelStep(job);
      for (int64_t i = 0; i < job.row; ++i) to[i * PixelStep(job)] = value;
    }
  }

  void AddCell(const Job& job, int64_t image, int64_t pixel, int64_t cell, int64_t from,
               int64_t column) const {
    const WindowAxis& axis = job.window[job.in.axes - 1];
    const int64_t size = job.in.sizes[job.in.axes - 1];
    // Output pixels whose cell lies inside: 0 <= i * stride + offset < size.
    const int64_t offset = column * axis.dilation - axis.pad_begin;
    const int64_t first = offset >= 0 ? 0 : (-offset + axis.stride - 1) / axis.stride;
    const int64_t room = size - 1 - offset;
    const int64_t end = room < 0 ? 0 : std::min(job.row, room / axis.stride + 1);
    if (first >= end) return;
    const bool last = options_.window.channels_last;
    const int64_t image_pixels = job.in.pixels();
    const int64_t pixel_step = last ? job.in.channels : 1;
    const int64_t channel_step = last ? 1 : image_pixels;
    const T* x = job.image + image * job.in.channels * image_pixels +
                 (from * size + first * axis.stride + offset) * pixel_step;
    T* out =
        job.result + image * job.out.channels * job.out.pixels() + (pixel + first) * PixelStep(job);
    for (int64_t g = 0; g < options_.group; ++g) {
      const T* pixels = x + g * job.in_channels * channel_step;
      const T* filter = job.filters + g * job.group_step + cell * job.cell_step;
      T* to = out + g * job.out_channels * ChannelStep(job);
      ProductArgs args{};
      args.k = job.in_channels;
      args.c = to;
      args.add = true;
      if (last) {  // [pixels, in] * [in, out]
        args.a = pixels, args.a_row = axis.stride * pixel_step, args.a_column = channel_step;
        args.b = filter, args.b_row = job.in_step, args.b_column = job.out_step;
        args.m = end - first, args.n = job.out_channels, args.c_row = PixelStep(job);
      } else {  // [out, in] * [in, pixels]
        args.a = filter, args.a_row = job.out_step, args.a_column = job.in_step;
        args.b = pixels, args.b_row = channel_step, args.b_column = axis.stride * pixel_step;
        args.m = job.out_channels, args.n = end - first, args.c_row = ChannelStep(job);
      }
      isa_.product[static_cast<uint32_t>(sizeof(T) == 8 ? ElementType::kF64 : ElementType::kF32)](
          args);
    }
  }

  const KernelTable& isa_;
  const AnyConvOptions options_;
};

}  // namespace

// The schema takes floats alone: what is not 16 or 32 bits wide has 64.
bool ComputesInF64(const NodeView& node) { return HasOtherDType(node); }

bool NeedsAnyConv(const NodeView& node) {
  return ComputesInF64(node) || node.input(0).info().rank > 4;
}

std::unique_ptr<sdk::Kernel> CreateAnyConv(const NodeView& node, const Setup& setup) {
  AnyConvOptions options;
  options.window = WindowSpec::Parse(node);
  options.weights_hwio =
      node.domain() == kMidstream && node.String("weight_layout", "OIHW") == "HWIO";
  options.group = node.Int("group", 1);
  options.activation = *ParseRealActivation(node);
  if (ComputesInF64(node)) {
    return std::make_unique<AnyConvKernel<double>>(setup.isa, std::move(options));
  }
  return std::make_unique<AnyConvKernel<float>>(setup.isa, std::move(options));
}

}  // namespace midstream::cpu_blas
