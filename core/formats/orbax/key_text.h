// Names of a parameter from the text of a Python tuple, `('params', 'layers', 0)`: how `_METADATA`
// calls its entries, and all that there is where an entry has no `key_metadata`.
//
// Threads: pure functions.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_KEY_TEXT_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_KEY_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::orbax {

// Errors: DATA_LOSS for anything but a tuple of strings and non-negative numbers that has an element.
Result<std::vector<std::string>> ParseKeyText(std::string_view text);

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_KEY_TEXT_H_
