// Axis orders: TensorFlow's images have channels last (NHWC) unless a node says otherwise, ONNX's
// operators want them first (NCHW). Each such node is wrapped in transposes; a later pass cancels
// those that meet.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_LAYOUT_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_LAYOUT_H_

#include <array>
#include <string_view>
#include <vector>

#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {

enum class Layout { kChannelsLast, kChannelsFirst };

// The attribute data_format. Errors: UNIMPLEMENTED for anything but NHWC and NCHW.
Result<Layout> DataFormat(const OpContext& context);

ValueId ToChannelsFirst(OpContext& context, std::string_view suffix, ValueId value);
// The node's output is `value` with channels moved last.
Status EmitChannelsLast(OpContext& context, ValueId value);

// Height and width of a list that has one number for each axis of an image. The numbers of the
// batch and channel axes must be 1. Errors: INVALID_ARGUMENT when the list is absent, senseless, or
// has a number below 1; UNIMPLEMENTED for a batch or channel number above 1.
Result<std::vector<int64_t>> SpatialPair(const OpContext& context, std::string_view attr,
                                         Layout layout);

// The attributes pads or auto_pad for `padding`, EXPLICIT included. Errors: as SpatialPair.
Status AddPadding(const OpContext& context, Layout layout, Attributes* attrs);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_LAYOUT_H_
