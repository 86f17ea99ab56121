// Quoted strings of protobuf's text format.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_STRING_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_STRING_H_

#include <string>
#include <string_view>

namespace midstream::tensorflow {

// Takes a string in either kind of quotes off the front of `rest` and appends what it stands for.
// False when it has no end or a malformed escape.
bool TakeQuoted(std::string_view* rest, std::string* out);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_STRING_H_
