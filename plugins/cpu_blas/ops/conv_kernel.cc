// Planning of a convolution: packing of the filters, choice of the way, memory. The computation
// itself is in conv_run.cc.
#include "ops/conv_kernel.h"

#include <algorithm>

#include "ops/packed_matrix.h"
#include "parallel.h"

namespace midstream::cpu_blas {

using sdk::KernelArgs;
using sdk::TensorView;

namespace {

constexpr int64_t kPlaces = 36;  // of a Winograd tile
constexpr int64_t kMinWinogradChannels = 16;
constexpr double kProductsPerMicrosecond = 50e3;

int64_t RoundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

ConvKernel::Filters ConvKernel::FiltersOf(const TensorView& weights) const {
  const bool flat = weights.rank == 3;
  Filters f;
  f.storage = StorageOf(weights.dtype);
  if (options_.weights_hwio) {
    f.height = flat ? 1 : weights.dim(0);
    f.width = weights.dim(weights.rank - 3);
    f.in = weights.dim(weights.rank - 2);
    f.out = weights.dim(weights.rank - 1);
    f.out_step = 1;
    f.in_step = f.out;
    f.x_step = f.in * f.out;
    f.y_step = f.width * f.x_step;
  } else {
    f.out = weights.dim(0);
    f.in = weights.dim(1);
    f.height = flat ? 1 : weights.dim(2);
    f.width = weights.dim(weights.rank - 1);
    f.x_step = 1;
    f.y_step = f.width;
    f.in_step = f.height * f.width;
    f.out_step = f.in * f.in_step;
  }
  return f;
}

bool ConvKernel::WinogradFits(const Filters& f) const {
  auto ones = [](const std::vector<int64_t>& values) {
    return std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 1; });
  };
  bool square = f.height == f.width && (f.height == 3 || f.height == 5);
  return square && options_.group == 1 && f.storage == Storage::kF32 &&
         ones(options_.window.strides) && ones(options_.window.dilations) &&
         f.in >= kMinWinogradChannels && f.out >= kMinWinogradChannels;
}

// The filters of one group as a matrix: rows in the order filter row, filter column, channel.
PackShape ConvKernel::GroupShape(const Filters& f) const {
  PackShape shape{f.height * f.width * f.in, f.out / options_.group, f.in_step, f.out_step};
  if (!options_.weights_hwio) {
    shape.block_rows = f.in;
    shape.block_step = f.x_step;
  }
  return shape;
}

int64_t ConvKernel::GroupElements(const Filters& f) const {
  return PackedElements(isa_, f.height * f.width * f.in, f.out / options_.group);
}

uint64_t ConvKernel::ProductBytes(const Filters& f) const {
  uint64_t width = f.storage == Storage::kF32 ? 4 : 2;
  return sdk::AlignUp(static_cast<uint64_t>(options_.group * GroupElements(f)) * width);
}

// The packed form: one matrix for each group; behind them, where Winograd fits, the transformed
// filters. The matrices alone hold the value, bit for bit.
uint64_t ConvKernel::PackedBytes(uint32_t input, const TensorView& value) const {
  if (input != 1 || !options_.weights_packed) return 0;
  Filters f = FiltersOf(value);
  if (f.in == 1 && options_.group > 1) return 0;  // depthwise reads the filters as they are
  uint64_t bytes = ProductBytes(f);
  if (WinogradFits(f)) {
    bytes += static_cast<uint64_t>(kPlaces * PackedElements(isa_, f.in, f.out)) * sizeof(float);
  }
  return bytes;
}

void ConvKernel::PackGroups(const Filters& f, const void* weights, std::byte* packed,
                            const sdk::Host& host) const {
  const int64_t width = f.storage == Storage::kF32 ? 4 : 2;
  const int64_t outputs = f.out / options_.group;
  for (int64_t g = 0; g < options_.group; ++g) {
    const auto* from = static_cast<const std::byte*>(weights) + g * outputs * f.out_step * width;
    PackMatrix(isa_, GroupShape(f), f.storage, from, packed + g * GroupElements(f) * width, host);
  }
}

void ConvKernel::Pack(uint32_t, const TensorView& value, std::byte* packed,
                      const sdk::Host& host) const {
  Filters f = FiltersOf(value);
  PackGroups(f, value.data, packed, host);
  if (!WinogradFits(f)) return;
  auto* transformed = reinterpret_cast<float*>(packed + ProductBytes(f));
  isa_.winograd_weights({static_cast<const float*>(value.data),
                         {f.y_step, f.x_step, f.in_step, f.out_step},
                         f.in,
                         f.out,
                         f.height,
                         transformed});
}

void ConvKernel::Unpack(uint32_t, const std::byte* packed, const TensorView& value) const {
  Filters f = FiltersOf(value);
  const int64_t width = f.storage == Storage::kF32 ? 4 : 2;
  const int64_t outputs = f.out / options_.group;
  for (int64_t g = 0; g < options_.group; ++g) {
    auto* to = static_cast<std::byte*>(value.data) + g * outputs * f.out_step * width;
    isa_.unpack(GroupShape(f), f.storage, packed + g * GroupElements(f) * width, to);
  }
}

void ConvKernel::ChooseWay(const KernelArgs& args, Job* job) const {
  const Filters& f = job->filters;
  const bool last = options_.window.channels_last;
  job->depthwise = options_.group > 1 && f.in == 1 && f.out == options_.group;
  job->pointwise = job->y.is_trivial() && job->x.is_trivial() && last && options_.group == 1 &&
                   !options_.max_pool;
  if (WinogradFits(f) && options_.weights_packed && args.inputs[1].rank == 4) {
    job->m = 7 - f.height;  // 2 for 5x5, 4 for 3x3
    int64_t tiles_y = (job->out.height + job->m - 1) / job->m;
    job->tiles_x = (job->out.width + job->m - 1) / job->m;
    double products = static_cast<double>(kPlaces * tiles_y * job->tiles_x);
    double direct = static_cast<double>(job->out.height * job->out.width * f.height * f.width);
    job->winograd = products * 1.4 < direct;
  }
  job->pool_in_winograd =
      job->winograd && job->m == 2 && options_.max_pool && !options_.activation.pass;
  if (!job->winograd) job->m = 1;
  bool padded = job->y.pad_begin + job->y.pad_end + job->x.pad_begin + job->x.pad_end != 0;
  job->copy_image = !last || padded || job->winograd;
  job->via_rows = !last || (options_.max_pool && !job->pool_in_winograd);
}

// Whole images when there are enough of them, else blocks of rows.
void ConvKernel::PlanUnits(const sdk::Host& host, Job* job) const {
  const Filters& f = job->filters;
  const int64_t grain = options_.max_pool ? std::max<int64_t>(2, job->m) : job->m;
  const int64_t row_blocks = std::max<int64_t>(1, (job->out.height + grain - 1) / grain);
  double products = static_cast<double>(job->out.batch * job->out.height * job->out.width) *
                    static_cast<double>(f.out * f.in * f.height * f.width);
  double microseconds = products / kProductsPerMicrosecond / (job->winograd ? 2.5 : 1.0);
  job->tasks = TaskCount(host, microseconds, job->out.batch * row_blocks);
  int64_t per_image = 1;
  if (job->out.batch > 0 && job->tasks > job->out.batch) {
    per_image = std::min(row_blocks, (job->tasks + job->out.batch - 1) / job->out.batch);
  }
  job->rows_per_unit = (row_blocks + per_image - 1) / per_image * grain;
  job->units_per_image = (job->out.height + job->rows_per_unit - 1) / job->rows_per_unit;
  job->slots = job->tasks == 1 ? 1 : Threads(host);
  if (job->winograd) {
    int64_t tiles = (job->rows_per_unit + job->m - 1) / job->m * job->tiles_x;
    int64_t blocks = (tiles + isa_.row_tile - 1) / isa_.row_tile;
    job->tile_block = std::max<int64_t>(1, (tiles + blocks - 1) / std::max<int64_t>(blocks, 1));
  }
}

ConvKernel::Slot ConvKernel::CutSlot(const Job& job, ScratchCutter* scratch) const {
  Slot slot{};
  if (job.copy_image) {
    int64_t rows = (job.rows_per_unit - 1) * job.y.stride + job.y.extent();
    if (job.winograd) rows = RoundUp(job.rows_per_unit, job.m) + job.filters.height - 1;
    slot.image = scratch->Take<float>(rows * job.row_step);
  }
  if (job.via_rows) {
    slot.rows = scratch->Take<float>(job.rows_per_unit * job.out.width * job.out.channels);
  }
  if (job.winograd) {
    slot.inputs = scratch->Take<float>(kPlaces * job.tile_block * job.filters.in);
    slot.products = scratch->Take<float>(kPlaces * job.tile_block * job.filters.out);
  }
  return slot;
}

void ConvKernel::PlaceWeights(const KernelArgs& args, ScratchCutter* scratch, Job* job) const {
  const Filters& f = job->filters;
  if (job->depthwise) {
    bool as_is = options_.weights_hwio && f.storage == Storage::kF32;
    if (as_is) job->depthwise_weights = static_cast<const float*>(args.inputs[1].data);
    if (!as_is) job->depthwise_here = scratch->Take<float>(f.height * f.width * f.out);
    return;
  }
  if (PackedBytes(1, args.inputs[1]) == 0) {
    job->packed_here = scratch->Take<std::byte>(static_cast<int64_t>(ProductBytes(f)));
  } else if (args.packed != nullptr) {
    job->packed = args.packed[1];
  }
  job->segments = scratch->Take<int64_t>(f.height * f.width);
}

ConvKernel::Job ConvKernel::Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
  const TensorView &x = args.inputs[0], &out = args.outputs[0];
  const WindowSpec& window = options_.window;
  Job job;
  job.filters = FiltersOf(args.inputs[1]);
  job.in = ImageOf(x, window.channels_last);
  job.out = ImageOf(out, window.channels_last);
  const size_t axes = x.rank - 2;
  // Pooling halves the output; what the convolution itself makes follows from the input.
  auto axis = [&](size_t i, int64_t kernel, int64_t in, int64_t* size) {
    WindowAxis a = window.Axis(i, axes, kernel, in, *size);
    if (options_.max_pool) {
      if (window.auto_pad.starts_with("SAME")) {
        a = window.Axis(i, axes, kernel, in, (in + a.stride - 1) / a.stride);
      }
      *size = (in + a.pad_begin + a.pad_end - a.extent()) / a.stride + 1;
    }
    return a;
  };
  if (axes == 2) job.y = axis(0, job.filters.height, job.in.height, &job.out.height);
  job.x = axis(axes - 1, job.filters.width, job.in.width, &job.out.width);
  ChooseWay(args, &job);
  int64_t copied_width = (job.out.width - 1) * job.x.stride + job.x.extent();
  if (job.winograd) copied_width = job.tiles_x * job.m + job.filters.width - 1;
  job.row_step = (job.copy_image ? copied_width : job.in.width) * job.in.channels;
  PlanUnits(*args.host, &job);

  job.image = AsFloats(isa_, x, scratch);
  job.bias = args.n_inputs > 2 ? AsFloats(isa_, args.inputs[2], scratch) : nullptr;
  job.result = OutputFloats(out, scratch);
  PlaceWeights(args, scratch, &job);
  ScratchCutter counter(nullptr);
  CutSlot(job, &counter);
  job.slot_bytes = counter.used();
  job.slot_base = scratch->Take<std::byte>(static_cast<int64_t>(job.slot_bytes * job.slots));
  return job;
}

uint64_t ConvKernel::ScratchBytes(const KernelArgs& shapes) const {
  return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
}

}  // namespace midstream::cpu_blas
