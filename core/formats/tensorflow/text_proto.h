// Protobuf's text format, turned into the encoded form that everything else reads.
//
// TensorFlow writes it for `checkpoint` files, for graphs exported with as_text=True and for
// `saved_model.pbtxt`. A schema says which number and type a field has; fields that it does not know
// are read over, whatever they hold. Nesting is limited, and the result is no larger than a small
// multiple of the text.
//
// Threads: pure functions.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_PROTO_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_PROTO_H_

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/formats/tensorflow/text_schema.h"

namespace midstream::tensorflow {

// The encoded message. Errors: DATA_LOSS naming line and column.
Result<std::string> EncodeText(std::string_view text, TextMessage message);

// Whether the bytes of a message are text: the encoded form has control characters from its first
// bytes on.
bool IsText(std::string_view bytes);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_PROTO_H_
