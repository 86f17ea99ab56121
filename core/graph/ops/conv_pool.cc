// Convolutions and pooling, as ONNX defines them and with a free choice of layout (domain
// "midstream").
#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"
#include "core/graph/ops/window.h"

namespace midstream::infer {
namespace {

// W as OIHW whatever its layout: [out channels, in channels / group, spatial...].
Result<std::vector<int64_t>> FilterDims(const InferContext& context) {
  std::vector<int64_t> dims = context.shape(1).dims();
  std::string layout = context.node().String("weight_layout", "OIHW");
  if (layout == "OIHW") return dims;
  if (layout != "HWIO") {
    return context.Error("expected weight_layout OIHW or HWIO, got '" + layout + "'");
  }
  std::vector<int64_t> filter = {dims[dims.size() - 1], dims[dims.size() - 2]};
  filter.insert(filter.end(), dims.begin(), dims.end() - 2);
  return filter;
}

Status CheckChannels(const InferContext& context, int64_t channels,
                     const std::vector<int64_t>& filter) {
  int64_t group = context.node().Int("group", 1);
  if (group < 1) return context.Error("expected group >= 1, got " + std::to_string(group));
  if (channels >= 0 && channels % group != 0) {
    return context.Error("expected channels divisible by group " + std::to_string(group) +
                         ", got " + std::to_string(channels));
  }
  if (filter[0] >= 0 && filter[0] % group != 0) {
    return context.Error("expected output channels divisible by group " + std::to_string(group) +
                         ", got " + std::to_string(filter[0]));
  }
  if (channels >= 0 && filter[1] >= 0 && channels / group != filter[1]) {
    return context.Error("expected W to have " + std::to_string(channels / group) +
                         " input channels, got " + std::to_string(filter[1]));
  }
  return OkStatus();
}

Status CheckBias(const InferContext& context, int64_t channels) {
  if (!context.HasInput(2)) return OkStatus();
  MS_RETURN_IF_ERROR(CheckDType(context, 2, kFloats));
  MS_RETURN_IF_ERROR(CheckRank(context, 2, 1));
  if (!context.shape(2).rank_known()) return OkStatus();
  auto same =
      SameDim(context, "output channels and entries of the bias", channels, context.shape(2)[0]);
  return same.ok() ? OkStatus() : same.status();
}

Status CheckKernelShape(const InferContext& context, const std::vector<int64_t>& kernel) {
  if (!context.node().Has("kernel_shape")) return OkStatus();
  std::vector<int64_t> declared = context.node().Ints("kernel_shape");
  if (Shape(kernel).Accepts(Shape(declared))) return OkStatus();
  return context.Error("expected kernel_shape " + ToText(kernel) + " as W has it, got " +
                       ToText(declared));
}

// Output sizes, given that the rank of X and W is known and equal.
Result<Shape> ConvShape(const InferContext& context, bool channels_last) {
  const Shape& x = context.shape(0);
  Layout layout = LayoutOf(channels_last, x.rank());
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> filter, FilterDims(context));
  MS_RETURN_IF_ERROR(CheckChannels(context, x[layout.channel], filter));
  MS_RETURN_IF_ERROR(CheckBias(context, filter[0]));
  std::vector<int64_t> kernel(filter.begin() + 2, filter.end());
  MS_RETURN_IF_ERROR(CheckKernelShape(context, kernel));
  std::vector<int64_t> spatial;
  for (size_t i = 0; i < kernel.size(); ++i) spatial.push_back(x[layout.spatial + i]);
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> window, WindowOutput(context, spatial, kernel, false));
  Shape out = x;
  out.mutable_dims()[layout.channel] = filter[0];
  for (size_t i = 0; i < window.size(); ++i) out.mutable_dims()[layout.spatial + i] = window[i];
  return out;
}

Status ConvOf(InferContext& context, bool channels_last) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kFloats));
  MS_RETURN_IF_ERROR(CheckDType(context, 1, kFloats));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 3));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 1, 3));
  context.output().dtype = context.dtype(0);
  if (!context.shape(0).rank_known() || !context.shape(1).rank_known()) return OkStatus();
  MS_RETURN_IF_ERROR(CheckRank(context, 1, context.shape(0).rank()));
  MS_ASSIGN_OR_RETURN(context.output().shape, ConvShape(context, channels_last));
  return OkStatus();
}

Status Conv(InferContext& context) {
  MS_RETURN_IF_ERROR(ConvOf(context, false));
  MS_RETURN_IF_ERROR(CheckSameDType(context, 0, 1));
  return context.HasInput(2) ? CheckSameDType(context, 0, 2) : OkStatus();
}

Status FusedConv(InferContext& context) {
  MS_ASSIGN_OR_RETURN(bool channels_last, IsChannelsLast(context));
  MS_RETURN_IF_ERROR(CheckActivation(context));
  MS_RETURN_IF_ERROR(ConvOf(context, channels_last));
  MS_ASSIGN_OR_RETURN(context.output().dtype, DTypeAttr(context, "output_dtype", context.dtype(0)));
  if (IsFloat(context.output().dtype)) return OkStatus();
  return context.Error("expected a float output_dtype, got " +
                       std::string(DTypeName(context.output().dtype)));
}

// A window that lies in the padding alone has no maximum and no mean.
Status CheckPoolPads(const InferContext& context, const std::vector<int64_t>& kernel) {
  std::vector<int64_t> pads = context.node().Ints("pads");
  for (size_t i = 0; i < pads.size(); ++i) {
    if (pads[i] < kernel[i % kernel.size()]) continue;
    return context.Error("expected pads smaller than kernel_shape " + ToText(kernel) + ", got " +
                         ToText(pads));
  }
  return OkStatus();
}

// Pooling over a window; MaxPool also takes integers.
template <DTypeSet kAllowed>
Status Pool(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kAllowed));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 3));
  bool channels_last = false;
  if (context.node().domain == kMidstreamDomain) {
    MS_ASSIGN_OR_RETURN(channels_last, IsChannelsLast(context));
  }
  const Shape& x = context.shape(0);
  context.output().dtype = context.dtype(0);
  if (!x.rank_known()) return OkStatus();
  Layout layout = LayoutOf(channels_last, x.rank());
  std::vector<int64_t> kernel = context.node().Ints("kernel_shape");
  if (kernel.size() != x.rank() - 2) {
    return context.Error("expected a kernel_shape of " + std::to_string(x.rank() - 2) +
                         " entries, got " + ToText(kernel));
  }
  std::vector<int64_t> spatial;
  for (size_t i = 0; i < kernel.size(); ++i) {
    if (kernel[i] < 1) {
      return context.Error("expected a kernel_shape of positive entries, got " + ToText(kernel));
    }
    spatial.push_back(x[layout.spatial + i]);
  }
  MS_ASSIGN_OR_RETURN(
      std::vector<int64_t> window,
      WindowOutput(context, spatial, kernel, context.node().Int("ceil_mode", 0) != 0));
  MS_RETURN_IF_ERROR(CheckPoolPads(context, kernel));
  Shape& out = context.output().shape;
  out = x;
  for (size_t i = 0; i < window.size(); ++i) out.mutable_dims()[layout.spatial + i] = window[i];
  return OkStatus();
}

Status GlobalPool(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kFloats));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 3));
  bool channels_last = false;
  if (context.node().domain == kMidstreamDomain) {
    MS_ASSIGN_OR_RETURN(channels_last, IsChannelsLast(context));
  }
  Shape out = context.shape(0);
  context.output().dtype = context.dtype(0);
  if (out.rank_known()) {
    Layout layout = LayoutOf(channels_last, out.rank());
    for (size_t i = 0; i + 2 < out.rank(); ++i) out.mutable_dims()[layout.spatial + i] = 1;
  }
  context.output().shape = std::move(out);
  return OkStatus();
}

}  // namespace

void AddConvPoolSchemas(std::vector<OpSchema>* table) {
  table->push_back({kOnnxDomain, "Conv", 2, 3, 1, 1, Conv});
  table->push_back({kMidstreamDomain, "Conv", 2, 3, 1, 1, FusedConv});
  for (std::string_view domain : {kOnnxDomain, kMidstreamDomain}) {
    table->push_back({domain, "MaxPool", 1, 1, 1, 1, Pool<kNumeric>});
    table->push_back({domain, "AveragePool", 1, 1, 1, 1, Pool<kFloats>});
    table->push_back({domain, "GlobalAveragePool", 1, 1, 1, 1, GlobalPool});
  }
  table->push_back({kOnnxDomain, "GlobalMaxPool", 1, 1, 1, 1, GlobalPool});
}

}  // namespace midstream::infer
