// Pooling with the row functions of two operands: each cell of a window is folded, all its channels
// at once, into the output. Images that are not channels last are brought into that form.
#include "ops/pool_any.h"

#include <cstring>
#include <limits>

#include "ops/strided_copy.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::KernelArgs;
using sdk::TensorView;

class AnyPoolKernel final : public sdk::Kernel {
 public:
  AnyPoolKernel(const KernelTable& isa, PoolOptions options)
      : isa_(isa), options_(std::move(options)) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    ScratchCutter scratch(args.scratch);
    const Job job = Prepare(args, &scratch);
    if (args.outputs[0].count() == 0) return;
    const auto width = static_cast<uint64_t>(job.width);
    if (job.image_here != nullptr) {
      StridedView view;
      view.AddAxis(job.in.batch, job.in.channels * job.in.pixels());
      view.AddAxis(job.in.pixels(), 1);
      view.AddAxis(job.in.channels, job.in.pixels());
      view.CopyTo(job.image_here, job.given, width, *args.host);
    }
    const int64_t pixels = job.out.batch * job.out.pixels();
    ForRange(*args.host, static_cast<double>(args.outputs[0].count() * job.cells) / 1e3, pixels, 1,
             [&](int64_t begin, int64_t end) {
               for (int64_t i = begin; i < end; ++i) RunPixel(job, i);
             });
    if (job.image_here != nullptr) {
      StridedView view;
      view.AddAxis(job.out.batch, job.out.channels * job.out.pixels());
      view.AddAxis(job.out.channels, 1);
      view.AddAxis(job.out.pixels(), job.out.channels);
      view.CopyTo(job.result, job.pooled, width, *args.host);
    }
    if (job.type == ElementType::kF32) {
      FinishReals(isa_, static_cast<const float*>(job.result), args.outputs[0]);
    }
  }

 private:
  struct Job {
    SpatialShape in, out;
    WindowAxis window[kMaxImageRank];
    ElementType type;
    int64_t width, cells;
    const void* given;      // in the layout of the input
    std::byte* image_here;  // channels last, when the input is not
    void* result;           // in the layout of the output
    const void* image;      // channels last
    void* pooled;
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    const bool last = options_.window.channels_last;
    Job job{};
    job.in = SpatialOf(x, last);
    job.out = SpatialOf(out, last);
    job.cells = 1;
    for (uint32_t i = 0; i < job.in.axes; ++i) {
      job.window[i].kernel = job.in.sizes[i];
      if (!options_.kernel.empty()) {
        job.window[i] = options_.window.Axis(i, job.in.axes, options_.kernel[i], job.in.sizes[i],
                                             job.out.sizes[i]);
      }
      job.cells *= job.window[i].kernel;
    }
    job.type = *ElementTypeOf(x.dtype);
    job.width = WidthOf(job.type);
    const bool floats = job.type == ElementType::kF32;
    job.given = floats ? AsReals<float>(isa_, x, scratch) : x.data;
    job.result = floats ? OutputReals<float>(out, scratch) : out.data;
    job.image_here = last ? nullptr : scratch->Take<std::byte>(x.count() * job.width);
    job.pooled = last ? job.result : scratch->Take<std::byte>(out.count() * job.width);
    job.image = last ? job.given : job.image_here;
    return job;
  }

  void RunPixel(const Job& job, int64_t pixel) const {
    int64_t place[kMaxImageRank], counts[kMaxImageRank], first[kMaxImageRank];
    int64_t rest = pixel, inside = 1, counted = 1;
    for (uint32_t i = job.out.axes; i-- > 0; rest /= job.out.sizes[i]) {
      place[i] = rest % job.out.sizes[i];
      const Cells cells = CellsInside(job.window[i], place[i], job.in.sizes[i]);
      first[i] = cells.first;
      counts[i] = cells.count;
      inside *= cells.count;
      counted *= CountedCells(job.window[i], place[i], job.in.sizes[i], cells.count);
    }
    const int64_t channels = job.in.channels;
    void* out = static_cast<std::byte*>(job.pooled) + pixel * channels * job.width;
    Start(job, out);
    const auto* functions = isa_.binary[static_cast<uint32_t>(job.type)];
    const BinaryRowFunction fold =
        functions[static_cast<uint32_t>(options_.maximum ? Binary::kMax : Binary::kAdd)];
    int64_t at[kMaxImageRank] = {};
    for (bool more = inside > 0; more; more = NextPlace(counts, job.in.axes, at)) {
      int64_t from = rest;  // the image
      for (uint32_t i = 0; i < job.in.axes; ++i) {
        from = from * job.in.sizes[i] + first[i] + at[i] * job.window[i].dilation;
      }
      const void* cell = static_cast<const std::byte*>(job.image) + from * channels * job.width;
      fold({out, cell, out, channels, true, true});
    }
    if (options_.maximum) return;
    const auto single = static_cast<float>(counted);
    const auto wide = static_cast<double>(counted);
    const void* count = job.type == ElementType::kF64 ? static_cast<const void*>(&wide) : &single;
    functions[static_cast<uint32_t>(Binary::kDiv)]({out, count, out, channels, true, false});
  }

  // Cells of one axis that an average counts: those inside, or all that the padding covers.
  int64_t CountedCells(const WindowAxis& axis, int64_t out, int64_t size, int64_t inside) const {
    if (!options_.count_include_pad) return inside;
    WindowAxis moved = axis;
    moved.pad_begin = 0;
    return CellsInside(moved, out, size + axis.pad_begin + axis.pad_end).count;
  }

  void Start(const Job& job, void* out) const {
    WithElement(job.type, [&](auto zero) {
      using T = decltype(zero);
      using Limits = std::numeric_limits<T>;
      const T lowest = Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::min();
      std::fill_n(static_cast<T*>(out), job.in.channels, options_.maximum ? lowest : T{0});
    });
  }

  const KernelTable& isa_;
  const PoolOptions options_;
};

}  // namespace

std::unique_ptr<sdk::Kernel> CreateAnyPool(const KernelTable& isa, PoolOptions options) {
  return std::make_unique<AnyPoolKernel>(isa, std::move(options));
}

}  // namespace midstream::cpu_blas
