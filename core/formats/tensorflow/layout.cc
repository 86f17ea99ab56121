#include "core/formats/tensorflow/layout.h"

#include <string>

#include "core/formats/file.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kLargestWindow = 1 << 20;

// Where height and width are among the four axes.
size_t FirstSpatialAxis(Layout layout) { return layout == Layout::kChannelsLast ? 1 : 2; }
size_t ChannelAxis(Layout layout) { return layout == Layout::kChannelsLast ? 3 : 1; }

}  // namespace

Result<Layout> DataFormat(const OpContext& context) {
  std::string_view format = context.String("data_format", "NHWC");
  if (format == "NHWC") return Layout::kChannelsLast;
  if (format == "NCHW") return Layout::kChannelsFirst;
  return context.Unsupported("has the data_format " + formats::Quoted(format));
}

ValueId ToChannelsFirst(OpContext& context, std::string_view suffix, ValueId value) {
  return context.Helper("Transpose", suffix, {value}, {{"perm", std::vector<int64_t>{0, 3, 1, 2}}});
}

Status EmitChannelsLast(OpContext& context, ValueId value) {
  return context.Emit("Transpose", {value}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
}

Result<std::vector<int64_t>> SpatialPair(const OpContext& context, std::string_view attr,
                                         Layout layout) {
  std::vector<int64_t> values = context.Ints(attr);
  std::string name = "attribute " + formats::Quoted(attr);
  if (values.size() != 4) return context.Invalid("needs four numbers in its " + name);
  for (int64_t value : values) {
    if (value < 1 || value > kLargestWindow) {
      return context.Invalid("has " + std::to_string(value) + " in its " + name +
                             "; expected a number of at least 1");
    }
  }
  if (values[0] != 1 || values[ChannelAxis(layout)] != 1) {
    return context.Unsupported("covers batch or channels with its " + name);
  }
  size_t axis = FirstSpatialAxis(layout);
  return std::vector<int64_t>{values[axis], values[axis + 1]};
}

Status AddPadding(const OpContext& context, Layout layout, Attributes* attrs) {
  std::string_view padding = context.String("padding", "");
  if (padding == "SAME") {
    attrs->emplace("auto_pad", "SAME_UPPER");
    return OkStatus();
  }
  if (padding == "VALID") return OkStatus();
  if (padding != "EXPLICIT") {
    return context.Invalid("has the padding " + formats::Quoted(padding));
  }
  std::vector<int64_t> pads = context.Ints("explicit_paddings");
  if (pads.size() != 8) return context.Invalid("needs eight explicit_paddings");
  for (int64_t pad : pads) {
    if (pad < 0 || pad > kLargestWindow) return context.Invalid("has a senseless padding");
  }
  size_t first = 2 * FirstSpatialAxis(layout);
  attrs->emplace(
      "pads", std::vector<int64_t>{pads[first], pads[first + 2], pads[first + 1], pads[first + 3]});
  return OkStatus();
}

}  // namespace midstream::tensorflow
