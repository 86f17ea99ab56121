#include "core/graph/ops/window.h"

#include <algorithm>

namespace midstream::infer {
namespace {

// An attribute with one entry for each spatial axis (or two, for pads), defaulting to `fill`.
Result<std::vector<int64_t>> PerAxis(const InferContext& context, std::string_view name,
                                     size_t count, int64_t fill) {
  if (!context.node().Has(name)) return std::vector<int64_t>(count, fill);
  std::vector<int64_t> values = context.node().Ints(name);
  if (values.size() != count) {
    return context.Error("expected " + std::to_string(count) + " " + std::string(name) + ", got " +
                         ToText(values));
  }
  for (int64_t value : values) {
    if (value < fill) {
      return context.Error("expected " + std::string(name) + " of at least " +
                           std::to_string(fill) + ", got " + std::to_string(value));
    }
  }
  return values;
}

struct Axis {
  int64_t size;
  int64_t extent;  // cells from the first to the last of the window
  int64_t stride;
  int64_t pad_begin;
  int64_t pad_end;
};

Result<int64_t> ExplicitOutput(const InferContext& context, const Axis& axis, bool round_up) {
  MS_ASSIGN_OR_RETURN(int64_t padded, Add(context, axis.size, axis.pad_begin));
  MS_ASSIGN_OR_RETURN(padded, Add(context, padded, axis.pad_end));
  int64_t room = padded - axis.extent;
  if (room < 0) {
    return context.Error("expected a window of at most the padded size " + std::to_string(padded) +
                         ", got " + std::to_string(axis.extent));
  }
  int64_t out = room / axis.stride + 1;
  if (round_up && room % axis.stride != 0) {
    MS_ASSIGN_OR_RETURN(int64_t start, Multiply(context, out, axis.stride));
    if (start < axis.size + axis.pad_begin) ++out;
  }
  return out;
}

Result<int64_t> AxisOutput(const InferContext& context, const Axis& axis,
                           const std::string& auto_pad, bool round_up) {
  if (axis.size < 0) return kUnknownDim;
  bool same = auto_pad.starts_with("SAME");
  if (same) return axis.size / axis.stride + (axis.size % axis.stride != 0 ? 1 : 0);
  if (axis.extent < 0) return kUnknownDim;
  return ExplicitOutput(context, axis, round_up);
}

Result<int64_t> Extent(const InferContext& context, int64_t kernel, int64_t dilation) {
  if (kernel < 0) return kUnknownDim;
  if (kernel == 0) return context.Error("expected a window of at least one cell, got 0");
  MS_ASSIGN_OR_RETURN(int64_t reach, Multiply(context, kernel - 1, dilation));
  return Add(context, reach, 1);
}

}  // namespace

Result<std::vector<int64_t>> WindowOutput(const InferContext& context,
                                          const std::vector<int64_t>& spatial,
                                          const std::vector<int64_t>& kernel, bool round_up) {
  size_t n = spatial.size();
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> strides, PerAxis(context, "strides", n, 1));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> dilations, PerAxis(context, "dilations", n, 1));
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> pads, PerAxis(context, "pads", 2 * n, 0));
  std::string auto_pad = context.node().String("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER" &&
      auto_pad != "VALID") {
    return context.Error("expected auto_pad NOTSET, SAME_UPPER, SAME_LOWER or VALID, got '" +
                         auto_pad + "'");
  }
  bool padded = std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; });
  if (padded && auto_pad != "NOTSET") {
    return context.Error("expected no pads beside auto_pad " + auto_pad + ", got " + ToText(pads));
  }
  std::vector<int64_t> out(n);
  for (size_t i = 0; i < n; ++i) {
    MS_ASSIGN_OR_RETURN(int64_t extent, Extent(context, kernel[i], dilations[i]));
    Axis axis{spatial[i], extent, strides[i], pads[i], pads[n + i]};
    MS_ASSIGN_OR_RETURN(out[i], AxisOutput(context, axis, auto_pad, round_up));
  }
  return out;
}

}  // namespace midstream::infer
