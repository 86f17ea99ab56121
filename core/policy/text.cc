#include "core/policy/text.h"

#include <unicase.h>
#include <unistr.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace midstream::policy {
namespace {

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// str.isspace of Python.
bool IsWhite(ucs4_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

}  // namespace

bool IsUtf8(std::string_view text) { return u8_check(Bytes(text), text.size()) == nullptr; }

std::u32string CodePoints(std::string_view text) {
  std::u32string points;
  while (!text.empty()) {
    ucs4_t c = 0;
    text.remove_prefix(static_cast<size_t>(u8_mbtouc(&c, Bytes(text), text.size())));
    points += static_cast<char32_t>(c);
  }
  return points;
}

std::string_view Strip(std::string_view text) {
  ucs4_t c = 0;
  while (!text.empty()) {
    const int size = u8_mbtouc(&c, Bytes(text), text.size());
    if (!IsWhite(c)) break;
    text.remove_prefix(static_cast<size_t>(size));
  }
  while (!text.empty()) {
    const uint8_t* last = u8_prev(&c, Bytes(text) + text.size(), Bytes(text));
    if (last == nullptr || !IsWhite(c)) break;
    text = text.substr(0, static_cast<size_t>(last - Bytes(text)));
  }
  return text;
}

Result<std::string> Lower(std::string_view text) {
  size_t size = 0;
  const std::unique_ptr<uint8_t, decltype(&std::free)> lower(
      u8_tolower(Bytes(text), text.size(), /*iso639_language=*/"", /*nf=*/nullptr, nullptr, &size),
      std::free);
  if (lower == nullptr) return ResourceExhausted("a prompt cannot be put into lower case");
  return std::string(reinterpret_cast<const char*>(lower.get()), size);
}

std::string Replaced(std::string_view text, char from, char to) {
  std::string replaced(text);
  std::replace(replaced.begin(), replaced.end(), from, to);
  return replaced;
}

}  // namespace midstream::policy
