// Conv of ONNX and of domain "midstream". Images of one and two axes go through the packed product:
// the rows of a padded image are gathered in place, there is no matrix of patches. Filters of few
// channels a group, and images of more axes, go through a plain kernel.
#include <algorithm>
#include <numeric>

#include "ops/elements.h"
#include "ops/op_table.h"
#include "ops/product.h"
#include "ops/window.h"
#include "ops/winograd.h"

namespace midstream::opencl {
namespace {

constexpr size_t kMaxAxes = 4;
constexpr int64_t kManyChannels = 16;  // on both sides, for transformed tiles to pay
constexpr int64_t kFewChannels = 8;    // outputs a group, below which a panel is mostly empty

// Mirrors image_t of kernels/image.cl.
struct ImageShape {
  int32_t channels, height, width;
  int32_t top, left, full_height, full_width;
  int32_t channel_step, y_step, x_step, image_step;
};

// Mirrors conv_t of kernels/conv_plain.cl.
struct PlainShape {
  int32_t in[kMaxAxes], out[kMaxAxes], kernel[kMaxAxes];
  int32_t stride[kMaxAxes], dilation[kMaxAxes], pad[kMaxAxes];
  int32_t x_step[kMaxAxes], y_step[kMaxAxes], w_step[kMaxAxes];
  int32_t x_image, x_channel, y_image, y_channel, w_in, w_out;
  int32_t channels, out_channels;
  int32_t out_per_group, pixels;
  int32_t activation, has_c;
};

struct Options {
  WindowSpec window;
  bool hwio = false;
  int64_t group = 1;
  bool float32 = false;  // all of the node is
  Activation activation;
};

// Filters by meaning, whatever the layout.
struct Filters {
  ImageAxis out, in;  // in: of a group
  std::vector<ImageAxis> spatial;

  static Filters Of(const Operand& w, bool hwio) {
    std::vector<ImageAxis> axes(w.rank());
    int64_t step = 1;
    for (size_t i = w.rank(); i-- > 0; step *= w.dim(i)) axes[i] = {w.dim(i), step};
    const size_t n = w.rank() - 2;
    const auto first = axes.begin() + (hwio ? 0 : 2);
    return {axes[hwio ? n + 1 : 0],
            axes[hwio ? n : 1],
            {first, first + static_cast<std::ptrdiff_t>(n)}};
  }
};

// One axis more in front, so that a row is an image of height 1.
template <typename T>
std::array<T, 2> TwoAxes(const std::vector<T>& axes) {
  if (axes.size() == 1) return {T{}, axes[0]};
  return {axes[0], axes[1]};
}

class Conv final : public Kernel {
 public:
  explicit Conv(Options options) : options_(std::move(options)) {}

  std::optional<Packing> Pack(uint32_t input, const Operand& value,
                              const Traits& traits) const override {
    if (input != 1 || !UsesProduct(value)) return std::nullopt;
    if (UsesWinograd(value)) return WinogradPacking(WinogradFilters(value), value, traits);
    const PackedMatrix matrix = PackedOf(value, traits);
    if (matrix.elements() == 0) return std::nullopt;
    return matrix.AsPacking(value);
  }

  void Plan(PlanBuilder& plan) const override {
    if (plan.out(0).count() == 0) return;
    if (UsesProduct(plan.in(1)) && plan.in(1).count() > 0) {
      if (UsesWinograd(plan.in(1))) {
        PlanWinograd(plan);
      } else {
        PlanProduct(plan);
      }
    } else {
      PlanPlain(plan);
    }
  }

 private:
  bool UsesProduct(const Operand& w) const {
    return w.rank() <= 4 &&
           (options_.group == 1 ||
            Filters::Of(w, options_.hwio).out.size / options_.group >= kFewChannels);
  }

  // Decided without the sizes of the images, so that the bits depend on no batch.
  bool UsesWinograd(const Operand& w) const {
    const Filters filters = Filters::Of(w, options_.hwio);
    auto all = [](const std::vector<int64_t>& values, int64_t wanted) {
      return std::ranges::all_of(values, [&](int64_t v) { return v == wanted; });
    };
    return options_.float32 && options_.group == 1 && filters.spatial.size() == 2 &&
           filters.spatial[0].size == 3 && filters.spatial[1].size == 3 &&
           filters.in.size >= kManyChannels && filters.out.size >= kManyChannels &&
           all(options_.window.strides, 1) && all(options_.window.dilations, 1);
  }

  WinogradShape WinogradFilters(const Operand& w) const {
    const Filters filters = Filters::Of(w, options_.hwio);
    WinogradShape shape;
    shape.channels = Fit(filters.in.size);
    shape.outputs = Fit(filters.out.size);
    shape.w_y = Fit(filters.spatial[0].step);
    shape.w_x = Fit(filters.spatial[1].step);
    shape.w_in = Fit(filters.in.step);
    shape.w_out = Fit(filters.out.step);
    return shape;
  }

  PackedMatrix PackedOf(const Operand& w, const Traits& traits) const {
    const Filters filters = Filters::Of(w, options_.hwio);
    const auto [y, x] = TwoAxes(filters.spatial);
    PackShape shape;
    shape.depth = Fit(y.size * x.size * filters.in.size);
    shape.columns = Fit(filters.out.size / options_.group);
    shape.across = Fit(x.size);
    shape.channels = Fit(filters.in.size);
    shape.y_step = Fit(y.step);
    shape.x_step = Fit(x.step);
    shape.channel_step = Fit(filters.in.step);
    shape.column_step = Fit(filters.out.step);
    shape.matrix_step = Fit(shape.columns * filters.out.step);
    return {shape, options_.group, w.dtype, traits};
  }

  std::vector<WindowAxis> Axes(const Image& x, const Image& y, const Filters& filters) const {
    std::vector<WindowAxis> axes;
    const size_t n = x.spatial.size();
    for (size_t i = 0; i < n; ++i) {
      axes.push_back(options_.window.Axis(i, n, filters.spatial[i].size, x.spatial[i].size,
                                          y.spatial[i].size));
    }
    return axes;
  }

  void PlanProduct(PlanBuilder& plan) const {
    const Operand &x = plan.in(0), &w = plan.in(1), &y = plan.out(0);
    const bool last = options_.window.channels_last;
    const Image from = Image::Of(x, last), to = Image::Of(y, last);
    const Filters filters = Filters::Of(w, options_.hwio);
    const auto [down, across] = TwoAxes(Axes(from, to, filters));
    const auto [y_out, x_out] = TwoAxes(to.spatial);

    ImageShape padded{};
    const Operand image = Padded(plan, x, from, down, across, &padded);
    const PackedMatrix matrix = PackedOf(w, plan.traits());
    const Operand packed = plan.IsPacked(1) ? plan.packed(1, w.dtype, {matrix.elements()})
                                            : matrix.PackInPlan(plan, w);
    Operand result = y;
    if (!last) result = plan.Scratch(y.dtype, y.shape);
    const bool has_c = plan.HasInput(2);
    Product product{image, packed, has_c ? plan.in(2) : x, result, {}, options_.activation, 1,
                    1,     {}};
    ProductShape& s = product.shape;
    const int64_t line = padded.full_width * from.channels.size;
    s.rows = Fit(to.batch.size * to.pixels());
    s.columns = Fit(to.channels.size / options_.group);
    s.depth = Fit(down.kernel * across.kernel * filters.in.size);
    s.width = Fit(x_out.size);
    s.height = Fit(y_out.size);
    s.image_step = Fit(padded.full_height * line);
    s.y_step = Fit(down.stride * line);
    s.x_step = Fit(across.stride * from.channels.size);
    const bool whole_lines = options_.group == 1 && across.dilation == 1;
    s.segments_across = whole_lines ? 1 : Fit(across.kernel);
    s.segment_depth = Fit(whole_lines ? across.kernel * filters.in.size : filters.in.size);
    s.down_step = Fit(down.dilation * line);
    s.across_step = Fit(across.dilation * from.channels.size);
    s.y_row_step = Fit(to.channels.size);
    s.has_c = has_c ? 1 : 0;
    s.c_column_step = 1;
    for (int64_t g = 0; g < options_.group; ++g) {
      product.batches.push_back(
          {g * filters.in.size, g * matrix.matrix_elements(), g * s.columns, g * s.columns});
    }
    LaunchProduct(plan, product);
    if (!last) MoveImage(plan, "unpad_image", result, y, Unpadded(to));
  }

  void PlanWinograd(PlanBuilder& plan) const {
    const Operand &x = plan.in(0), &w = plan.in(1), &y = plan.out(0);
    const bool last = options_.window.channels_last;
    const Image from = Image::Of(x, last), to = Image::Of(y, last);
    std::vector<WindowAxis> axes = Axes(from, to, Filters::Of(w, options_.hwio));
    WinogradShape shape = WinogradFilters(w);
    shape.images = Fit(to.batch.size);
    shape.height = Fit(to.spatial[0].size);
    shape.width = Fit(to.spatial[1].size);
    shape.tiles_down = (shape.height + 1) / 2;
    shape.tiles_across = (shape.width + 1) / 2;
    for (size_t i = 0; i < 2; ++i) {  // whole tiles
      const int64_t tiles = i == 0 ? shape.tiles_down : shape.tiles_across;
      axes[i].pad_end = 2 * tiles + 2 - from.spatial[i].size - axes[i].pad_begin;
    }
    ImageShape padded{};
    const Operand image = Padded(plan, x, from, axes[0], axes[1], &padded);
    shape.line = Fit(int64_t{padded.full_width} * shape.channels);
    shape.image_step = Fit(int64_t{padded.full_height} * shape.line);
    shape.has_c = plan.HasInput(2) ? 1 : 0;
    Operand result = y;
    if (!last) result = plan.Scratch(y.dtype, y.shape);
    LaunchWinograd(
        plan, {image, w, plan.HasInput(2) ? plan.in(2) : x, result, shape, options_.activation});
    if (!last) MoveImage(plan, "unpad_image", result, y, Unpadded(to));
  }

  static ImageShape Unpadded(const Image& image) {
    const auto [y, x] = TwoAxes(image.spatial);
    return {Fit(image.channels.size),
            Fit(y.size),
            Fit(x.size),
            0,
            0,
            Fit(y.size),
            Fit(x.size),
            Fit(image.channels.step),
            Fit(y.step),
            Fit(x.step),
            Fit(image.batch.step)};
  }

  // x with its padding, channels last; x itself when it is that already.
  Operand Padded(PlanBuilder& plan, const Operand& x, const Image& from, const WindowAxis& down,
                 const WindowAxis& across, ImageShape* shape) const {
    *shape = Unpadded(from);
    shape->top = Fit(down.pad_begin);
    shape->left = Fit(across.pad_begin);
    shape->full_height += Fit(down.pad_begin + down.pad_end);
    shape->full_width += Fit(across.pad_begin + across.pad_end);
    const bool same = shape->full_height == shape->height && shape->full_width == shape->width;
    if (same && options_.window.channels_last) return x;
    Operand padded = plan.Scratch(
        x.dtype, {from.batch.size, shape->full_height, shape->full_width, from.channels.size});
    MoveImage(plan, "pad_image", x, padded, *shape);
    return padded;
  }

  static void MoveImage(PlanBuilder& plan, const char* kernel, const Operand& from,
                        const Operand& to, const ImageShape& shape) {
    const bool pixels = plan.traits().tiles;
    Call call{"image", kernel, DefineType("TX", {MS_DTYPE_UINT, from.dtype.bits, 1})};
    if (pixels) call.defines += " -DPIXELS";
    call.args = {from, to, Scalar::Of(shape)};
    call.global = {static_cast<size_t>(shape.full_width), static_cast<size_t>(shape.full_height),
                   static_cast<size_t>(from.dim(0))};
    if (!pixels) call.global[0] *= static_cast<size_t>(shape.channels);
    call.local = {pixels ? 8u : 64u, 1, 1};
    plan.Launch(std::move(call));
  }

  void PlanPlain(PlanBuilder& plan) const {
    const Operand &x = plan.in(0), &w = plan.in(1), &y = plan.out(0);
    const Image from = Image::Of(x, options_.window.channels_last);
    const Image to = Image::Of(y, options_.window.channels_last);
    const Filters filters = Filters::Of(w, options_.hwio);
    const std::vector<WindowAxis> axes = Axes(from, to, filters);
    PlainShape s{};
    for (size_t i = 0; i < kMaxAxes; ++i) {
      s.in[i] = s.out[i] = s.kernel[i] = s.stride[i] = s.dilation[i] = 1;
      if (i >= axes.size()) continue;
      s.in[i] = Fit(from.spatial[i].size), s.out[i] = Fit(to.spatial[i].size);
      s.kernel[i] = Fit(axes[i].kernel), s.stride[i] = Fit(axes[i].stride);
      s.dilation[i] = Fit(axes[i].dilation), s.pad[i] = Fit(axes[i].pad_begin);
      s.x_step[i] = Fit(from.spatial[i].step), s.y_step[i] = Fit(to.spatial[i].step);
      s.w_step[i] = Fit(filters.spatial[i].step);
    }
    s.x_image = Fit(from.batch.step), s.x_channel = Fit(from.channels.step);
    s.y_image = Fit(to.batch.step), s.y_channel = Fit(to.channels.step);
    s.w_in = Fit(filters.in.step), s.w_out = Fit(filters.out.step);
    s.channels = Fit(filters.in.size), s.out_channels = Fit(to.channels.size);
    s.out_per_group = Fit(std::max<int64_t>(1, to.channels.size / options_.group));
    s.pixels = Fit(to.pixels());
    s.activation = options_.activation.code;
    s.has_c = plan.HasInput(2) ? 1 : 0;
    LaunchPlain(plan, s);
  }

  void LaunchPlain(PlanBuilder& plan, const PlainShape& s) const {
    const Operand &x = plan.in(0), &w = plan.in(1), &y = plan.out(0);
    const Operand& c = plan.HasInput(2) ? plan.in(2) : x;
    const bool wide = IsF64(x.dtype) || IsF64(w.dtype) || IsF64(y.dtype);
    Call call{"conv_plain", "conv_plain",
              DefineType("TA", x.dtype) + DefineType("TB", w.dtype) + DefineType("TC", c.dtype) +
                  DefineType("TY", y.dtype) + DefineType("TS", wide ? sdk::kF64 : sdk::kF32)};
    const Operand shape = plan.Constant(sdk::kI32, {sizeof s / 4}, &s);
    call.args = {x, w, c, y, shape, Factors(1, 1, options_.activation, wide)};
    call.global = {static_cast<size_t>(s.out_channels), static_cast<size_t>(s.pixels),
                   static_cast<size_t>(x.dim(0))};
    call.local = {16, 4, 1};
    plan.Launch(std::move(call));
  }

  const Options options_;
};

sdk::Claim ClaimConv(const sdk::NodeView& node, const Traits& traits) {
  bool wide = IsF64(node.output(0).dtype());
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) continue;
    if (!IsReal(node.input(i).dtype(), traits)) return sdk::Claim::No(MS_REASON_DTYPE);
    wide = wide || IsF64(node.input(i).dtype());
  }
  if (!IsReal(node.output(0).dtype(), traits)) return sdk::Claim::No(MS_REASON_DTYPE);
  const sdk::ValueView x = node.input(0);
  if (!x.rank_known() || x.shape().size() < 3 || x.shape().size() > kMaxAxes + 2)
    return sdk::Claim::No(MS_REASON_SHAPE);
  if (!ParseActivation(node)) return sdk::Claim::No(MS_REASON_ATTRIBUTE);
  const ms_dtype compute = wide ? sdk::kF64 : sdk::kF32;
  return sdk::Claim::Yes(compute, compute);
}

std::unique_ptr<Kernel> Create(const sdk::NodeView& node) {
  Options options;
  options.window = WindowSpec::Parse(node);
  options.hwio = node.domain() == kMidstream && node.String("weight_layout", "OIHW") == "HWIO";
  options.group = node.Int("group", 1);
  options.activation = ParseActivation(node).value_or(Activation{});
  options.float32 = sdk::Same(node.output(0).dtype(), sdk::kF32);
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (node.HasInput(i) && !sdk::Same(node.input(i).dtype(), sdk::kF32)) options.float32 = false;
  }
  return std::make_unique<Conv>(std::move(options));
}

}  // namespace

void AddConvOps(OpList* list) {
  list->push_back({kOnnx, "Conv", ClaimConv, Create});
  list->push_back({kMidstream, "Conv", ClaimConv, Create});
}

}  // namespace midstream::opencl
