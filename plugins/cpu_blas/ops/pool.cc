// MaxPool, AveragePool and the global forms, for both layouts.
//
// Images that are not channels last or not float32 are brought into that form in scratch memory.
#include <algorithm>

#include "ops/floats.h"
#include "ops/geometry.h"
#include "ops/op_table.h"
#include "ops/pool_any.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;

class PoolKernel final : public sdk::Kernel {
 public:
  PoolKernel(const KernelTable& isa, PoolOptions options)
      : isa_(isa), options_(std::move(options)) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    ScratchCutter scratch(args.scratch);
    Job job = Prepare(args, &scratch);
    if (args.outputs[0].count() == 0) return;
    if (!options_.window.channels_last) ToChannelsLast(args, &job);
    const int64_t rows = job.out.batch * job.out.height;
    const double cells = static_cast<double>(args.outputs[0].count() * job.y.kernel * job.x.kernel);
    ForRange(*args.host, cells / 4e3, rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) RunRow(job, row);
    });
    if (!options_.window.channels_last) FromChannelsLast(job);
    FinishFloats(isa_, job.result, args.outputs[0]);
  }

 private:
  struct Job {
    ImageShape in, out;
    WindowAxis y, x;
    const float* given;  // in the layout of the input
    float* image_here;
    float* out_here;
    float* result;  // in the layout of the output
    const float* image;
    float* pooled;
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const sdk::TensorView &x = args.inputs[0], &out = args.outputs[0];
    const bool last = options_.window.channels_last;
    Job job{};
    job.in = ImageOf(x, last);
    job.out = ImageOf(out, last);
    if (options_.kernel.empty()) {
      job.y.kernel = job.in.height;
      job.x.kernel = job.in.width;
    } else {
      size_t axes = options_.kernel.size();
      const WindowSpec& w = options_.window;
      if (axes == 2) job.y = w.Axis(0, 2, options_.kernel[0], job.in.height, job.out.height);
      job.x = w.Axis(axes - 1, axes, options_.kernel[axes - 1], job.in.width, job.out.width);
    }
    job.given = AsFloats(isa_, x, scratch);
    job.result = OutputFloats(out, scratch);
    job.image_here = last ? nullptr : scratch->Take<float>(x.count());
    job.out_here = last ? nullptr : scratch->Take<float>(out.count());
    job.image = last ? job.given : job.image_here;
    job.pooled = last ? job.result : job.out_here;
    return job;
  }

  void ToChannelsLast(const KernelArgs&, Job* job) const {
    const int64_t pixels = job->in.height * job->in.width, channels = job->in.channels;
    for (int64_t b = 0; b < job->in.batch; ++b) {
      const float* from = job->given + b * pixels * channels;
      float* to = job->image_here + b * pixels * channels;
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t i = 0; i < pixels; ++i) to[i * channels + c] = from[c * pixels + i];
      }
    }
  }

  void FromChannelsLast(const Job& job) const {
    const int64_t pixels = job.out.height * job.out.width, channels = job.out.channels;
    for (int64_t b = 0; b < job.out.batch; ++b) {
      const float* from = job.pooled + b * pixels * channels;
      float* to = job.result + b * pixels * channels;
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t i = 0; i < pixels; ++i) to[c * pixels + i] = from[i * channels + c];
      }
    }
  }

  void RunRow(const Job& job, int64_t row) const {
    const int64_t channels = job.in.channels;
    const int64_t image = row / job.out.height, out_y = row % job.out.height;
    const Cells rows = CellsInside(job.y, out_y, job.in.height);
    for (int64_t out_x = 0; out_x < job.out.width; ++out_x) {
      const Cells columns = CellsInside(job.x, out_x, job.in.width);
      const int64_t first = (image * job.in.height + rows.first) * job.in.width + columns.first;
      WindowArgs window{job.image + first * channels,
                        rows.count,
                        columns.count,
                        job.y.dilation * job.in.width * channels,
                        job.x.dilation * channels,
                        channels,
                        job.pooled + (row * job.out.width + out_x) * channels};
      if (options_.maximum) {
        isa_.max_window(window);
      } else {
        isa_.sum_window(window,
                        1.0f / static_cast<float>(Divisor(job, out_y, out_x, rows, columns)));
      }
    }
  }

  // Cells that an average counts: those inside, or with padding all that the padding covers.
  int64_t Divisor(const Job& job, int64_t out_y, int64_t out_x, const Cells& rows,
                  const Cells& columns) const {
    if (!options_.count_include_pad) return rows.count * columns.count;
    auto padded = [](const WindowAxis& axis, int64_t out, int64_t size) {
      WindowAxis moved = axis;
      moved.pad_begin = 0;
      return CellsInside(moved, out, size + axis.pad_begin + axis.pad_end).count;
    };
    return padded(job.y, out_y, job.in.height) * padded(job.x, out_x, job.in.width);
  }

  const KernelTable& isa_;
  const PoolOptions options_;
};

// Images of three and more spatial axes, and other types.
bool NeedsAnyPool(const NodeView& node) {
  return !IsFloatStorage(node.input(0).dtype()) || node.input(0).info().rank > 4;
}

Claim ClaimPool(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!ElementTypeOf(dtype)) return Claim::No(MS_REASON_DTYPE);
  const uint32_t rank = node.input(0).info().rank;
  if (!node.input(0).rank_known() || rank < 3 || rank > kMaxImageRank) {
    return Claim::No(MS_REASON_SHAPE);
  }
  return Claim::Yes(ComputeDType(dtype), ComputeDType(dtype));
}

std::unique_ptr<sdk::Kernel> CreatePool(const NodeView& node, const Setup& setup) {
  PoolOptions options;
  options.window = WindowSpec::Parse(node);
  if (!node.op().starts_with("Global")) options.kernel = node.Ints("kernel_shape");
  options.maximum = node.op() == "MaxPool" || node.op() == "GlobalMaxPool";
  options.count_include_pad = node.Int("count_include_pad", 0) != 0;
  if (NeedsAnyPool(node)) return CreateAnyPool(setup.isa, std::move(options));
  return std::make_unique<PoolKernel>(setup.isa, std::move(options));
}

}  // namespace

void AddPoolOps(OpList* list) {
  for (std::string_view domain : {kOnnx, kMidstream}) {
    for (std::string_view op : {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}) {
      list->push_back({domain, op, ClaimPool, CreatePool});
    }
  }
}

}  // namespace midstream::cpu_blas
