// Computation of a convolution, unit by unit: a unit is a block of output rows of one image.
#include <algorithm>
#include <cstring>

#include "ops/conv_kernel.h"
#include "ops/packed_matrix.h"
#include "parallel.h"

namespace midstream::cpu_blas {

using sdk::KernelArgs;

void ConvKernel::PrepareWeights(const KernelArgs& args, Job* job) const {
  const Filters& f = job->filters;
  if (job->packed_here != nullptr) {
    PackGroups(f, args.inputs[1].data, job->packed_here, *args.host);
    job->packed = job->packed_here;
  }
  if (job->depthwise_here != nullptr) {
    const auto* weights = static_cast<const std::byte*>(args.inputs[1].data);
    const int64_t width = f.storage == Storage::kF32 ? 4 : 2;
    float* to = job->depthwise_here;
    for (int64_t cell = 0; cell < f.height * f.width; ++cell) {
      int64_t at = cell / f.width * f.y_step + cell % f.width * f.x_step;
      for (int64_t o = 0; o < f.out; ++o) {
        isa_.widen(f.storage, weights + (at + o * f.out_step) * width, to++, 1);
      }
    }
    job->depthwise_weights = job->depthwise_here;
  }
}

// Where the filter's cells lie in the image: whole filter rows where they are contiguous.
void ConvKernel::FillSegments(Job* job) const {
  const Filters& f = job->filters;
  const bool whole_rows = options_.group == 1 && job->x.dilation == 1;
  job->n_segments = whole_rows ? f.height : f.height * f.width;
  job->segment_length = whole_rows ? f.width * f.in : f.in;
  for (int64_t s = 0; s < job->n_segments; ++s) {
    int64_t y = whole_rows ? s : s / f.width;
    int64_t x = whole_rows ? 0 : s % f.width;
    job->segments[s] = y * job->y.dilation * job->row_step + x * job->x.dilation * job->in.channels;
  }
}

void ConvKernel::Run(const KernelArgs& args) const {
  ScratchCutter scratch(args.scratch);
  Job job = Prepare(args, &scratch);
  if (args.outputs[0].count() == 0) return;
  PrepareWeights(args, &job);
  if (job.pointwise) {
    RunPointwise(job, *args.host);
  } else {
    if (job.segments != nullptr) FillSegments(&job);
    RunUnits(job, *args.host);
  }
  FinishFloats(isa_, job.result, args.outputs[0]);
}

void ConvKernel::RunPointwise(const Job& job, const sdk::Host& host) const {
  const Activation& act = options_.activation;
  const int64_t in = job.in.channels, out = job.out.channels;
  const int64_t pixels = job.out.batch * job.out.height * job.out.width;
  GemmArgs gemm{job.image,  in,  &kNoOffset, 1,        in,      job.packed, out,
                job.result, out, job.bias,   act.clip, act.low, act.high};
  RunGemm(isa_, job.filters.storage, gemm, pixels, host);
  act.RunPass(isa_, job.result, pixels * out);
}

void ConvKernel::RunUnits(const Job& job, const sdk::Host& host) const {
  const int64_t units = job.out.batch * job.units_per_image;
  ScratchSlots slots(job.slots);
  auto run = [&](int64_t begin, int64_t end) {
    ScratchSlots::Lease lease(&slots);
    ScratchCutter cutter(job.slot_base + lease.index() * job.slot_bytes);
    Slot slot = CutSlot(job, &cutter);
    for (int64_t unit = begin; unit < end; ++unit) {
      int64_t first = unit % job.units_per_image * job.rows_per_unit;
      int64_t last = std::min(first + job.rows_per_unit, job.out.height);
      RunUnit(job, slot, {unit / job.units_per_image, first, last});
    }
  };
  const auto tasks = static_cast<uint32_t>(std::min<int64_t>(job.tasks, units));
  if (tasks <= 1) return run(0, units);
  host.ParallelFor(tasks,
                   [&](uint32_t task) { run(units * task / tasks, units * (task + 1) / tasks); });
}

void ConvKernel::RunUnit(const Job& job, const Slot& slot, const Rows& rows) const {
  const float* image = ImageRows(job, slot, rows);
  const int64_t row_floats = job.out.width * job.out.channels;
  float* out = job.via_rows ? slot.rows
                            : job.result + (rows.image * job.out.height + rows.begin) * row_floats;
  if (job.winograd) {
    RunWinograd(job, slot, image, rows, out);
  } else if (job.depthwise) {
    RunDepthwise(job, image, rows, out);
  } else {
    RunDirect(job, image, rows, out);
  }
  if (job.pool_in_winograd) return;
  options_.activation.RunPass(isa_, out, rows.count() * row_floats);
  if (job.via_rows) Deliver(job, out, rows);
}

// The first image row that the unit's windows touch, and those below it; padding included.
const float* ConvKernel::ImageRows(const Job& job, const Slot& slot, const Rows& rows) const {
  const int64_t first = rows.begin * job.y.stride - job.y.pad_begin;
  if (!job.copy_image) {
    return job.image + (rows.image * job.in.height + first) * job.row_step;
  }
  int64_t count = (rows.count() - 1) * job.y.stride + job.y.extent();
  if (job.winograd) count = (rows.count() + job.m - 1) / job.m * job.m + job.filters.height - 1;
  for (int64_t i = 0; i < count; ++i) {
    CopyImageRow(job, rows.image, first + i, slot.image + i * job.row_step);
  }
  return slot.image;
}

void ConvKernel::CopyImageRow(const Job& job, int64_t image, int64_t y, float* out) const {
  const int64_t channels = job.in.channels;
  if (channels == 0) return;
  const int64_t width = job.row_step / channels;
  if (y < 0 || y >= job.in.height) {
    std::memset(out, 0, static_cast<size_t>(job.row_step) * sizeof(float));
    return;
  }
  const int64_t left = job.x.pad_begin;
  const int64_t inside = std::clamp<int64_t>(job.in.width, 0, width - left);
  std::memset(out, 0, static_cast<size_t>(left * channels) * sizeof(float));
  float* to = out + left * channels;
  if (options_.window.channels_last) {
    const float* from = job.image + (image * job.in.height + y) * job.in.width * channels;
    std::memcpy(to, from, static_cast<size_t>(inside * channels) * sizeof(float));
  } else {
    for (int64_t c = 0; c < channels; ++c) {
      const float* from = job.image + ((image * channels + c) * job.in.height + y) * job.in.width;
      for (int64_t x = 0; x < inside; ++x) to[x * channels + c] = from[x];
    }
  }
  const int64_t rest = width - left - inside;
  std::memset(to + inside * channels, 0, static_cast<size_t>(rest * channels) * sizeof(float));
}

// Panel by panel: its weights stay in the cache while the rows of the unit pass.
void ConvKernel::RunDirect(const Job& job, const float* image, const Rows& rows, float* out) const {
  const Filters& f = job.filters;
  const Activation& act = options_.activation;
  const int64_t outputs = f.out / options_.group;
  const int64_t group_bytes = GroupElements(f) * (f.storage == Storage::kF32 ? 4 : 2);
  auto gemm = isa_.gemm[static_cast<int>(f.storage)];
  for (int64_t g = 0; g < options_.group; ++g) {
    const float* bias = job.bias != nullptr ? job.bias + g * outputs : nullptr;
    GemmArgs args{image,
                  job.x.stride * job.in.channels,
                  job.segments,
                  job.n_segments,
                  job.segment_length,
                  job.packed + g * group_bytes,
                  outputs,
                  out,
                  job.out.channels,
                  bias,
                  act.clip,
                  act.low,
                  act.high};
    for (int64_t panel = 0; panel < Panels(isa_, outputs); ++panel) {
      for (int64_t y = 0; y < rows.count(); ++y) {
        args.a = image + y * job.y.stride * job.row_step + g * f.in;
        args.c = out + y * job.out.width * job.out.channels + g * outputs;
        gemm(args, 0, job.out.width, panel, panel + 1);
      }
    }
  }
}

void ConvKernel::RunDepthwise(const Job& job, const float* image, const Rows& rows,
                              float* out) const {
  const Filters& f = job.filters;
  const Activation& act = options_.activation;
  const int64_t channels = job.in.channels;
  DepthwiseArgs args{{image, f.height, f.width, job.y.dilation * job.row_step,
                      job.x.dilation * channels, channels, out},
                     job.depthwise_weights,
                     f.width * channels,
                     channels,
                     job.bias,
                     act.clip,
                     act.low,
                     act.high};
  for (int64_t y = 0; y < rows.count(); ++y) {
    for (int64_t x = 0; x < job.out.width; ++x) {
      args.window.cells = image + y * job.y.stride * job.row_step + x * job.x.stride * channels;
      args.window.out = out + (y * job.out.width + x) * channels;
      isa_.depthwise(args);
    }
  }
}

void ConvKernel::RunWinograd(const Job& job, const Slot& slot, const float* image, const Rows& rows,
                             float* out) const {
  const Filters& f = job.filters;
  const Activation& act = options_.activation;
  const int64_t matrix_floats = PackedElements(isa_, f.in, f.out);
  const auto* transformed = reinterpret_cast<const float*>(job.packed + ProductBytes(f));
  const int64_t tiles = (rows.count() + job.m - 1) / job.m * job.tiles_x;
  if (job.pool_in_winograd) {
    int64_t pooled_height = job.out.height / 2, pooled_width = job.out.width / 2;
    out = job.result + (rows.image * pooled_height + rows.begin / 2) * pooled_width * f.out;
  }
  for (int64_t begin = 0; begin < tiles; begin += job.tile_block) {
    const int64_t end = std::min(begin + job.tile_block, tiles), count = end - begin;
    isa_.winograd_input({image, job.row_step, f.in, job.m, job.tiles_x, begin, end, slot.inputs});
    for (int64_t place = 0; place < 36; ++place) {
      GemmArgs args{slot.inputs + place * count * f.in,
                    f.in,
                    &kNoOffset,
                    1,
                    f.in,
                    transformed + place * matrix_floats,
                    f.out,
                    slot.products + place * count * f.out,
                    f.out,
                    nullptr,
                    false,
                    0.0f,
                    0.0f};
      isa_.gemm[0](args, 0, count, 0, Panels(isa_, f.out));
    }
    isa_.winograd_output({slot.products, f.out, job.m, job.tiles_x, begin, end, out, rows.count(),
                          job.out.width, job.pool_in_winograd, job.bias, act.clip, act.low,
                          act.high});
  }
}

// From finished rows to the output: pooled, or with the channels first.
void ConvKernel::Deliver(const Job& job, const float* from, const Rows& rows) const {
  const int64_t width = job.out.width, channels = job.out.channels;
  if (options_.max_pool) {
    const int64_t pooled_height = job.out.height / 2, pooled_width = width / 2;
    WindowArgs window{from, 2, 2, width * channels, channels, channels, nullptr};
    for (int64_t y = 0; y < rows.count() / 2; ++y) {
      for (int64_t x = 0; x < pooled_width; ++x) {
        window.cells = from + (2 * y * width + 2 * x) * channels;
        int64_t row = rows.image * pooled_height + rows.begin / 2 + y;
        window.out = job.result + (row * pooled_width + x) * channels;
        isa_.max_window(window);
      }
    }
    return;
  }
  for (int64_t c = 0; c < channels; ++c) {
    float* plane = job.result + (rows.image * channels + c) * job.out.height * width;
    float* to = plane + rows.begin * width;
    for (int64_t i = 0; i < rows.count() * width; ++i) to[i] = from[i * channels + c];
  }
}

}  // namespace midstream::cpu_blas
