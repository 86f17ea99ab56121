// What Python's str does to a prompt: openpi cleans prompts with strip() and lower(), and a token
// depends on each character.
#ifndef MIDSTREAM_CORE_POLICY_TEXT_H_
#define MIDSTREAM_CORE_POLICY_TEXT_H_

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace midstream::policy {

// Whether the bytes are UTF-8.
bool IsUtf8(std::string_view text);

// The characters of a text. Requires: UTF-8.
std::u32string CodePoints(std::string_view text);

// Without the characters at both ends that Python calls white: Unicode's, and U+001C to U+001F.
// Requires: UTF-8.
std::string_view Strip(std::string_view text);

// In lower case as Unicode has it, whatever the locale. Requires: UTF-8. Errors: RESOURCE_EXHAUSTED.
Result<std::string> Lower(std::string_view text);

std::string Replaced(std::string_view text, char from, char to);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_TEXT_H_
