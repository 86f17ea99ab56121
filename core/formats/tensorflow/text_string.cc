#include "core/formats/tensorflow/text_string.h"

#include <cstdint>

namespace midstream::tensorflow {
namespace {

int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

// At most `most` digits of `base`; false when there is none.
bool TakeDigits(std::string_view* rest, int base, int most, uint32_t* value) {
  int taken = 0;
  *value = 0;
  while (taken < most && !rest->empty() && Digit(rest->front()) < base) {
    *value = *value * static_cast<uint32_t>(base) + static_cast<uint32_t>(Digit(rest->front()));
    rest->remove_prefix(1);
    ++taken;
  }
  return taken > 0;
}

void AppendUtf8(uint32_t code, std::string* out) {
  auto tail = [&](int shift) { *out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    *out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    *out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    *out += static_cast<char>(0xf0 | (code >> 18 & 7));
    tail(12);
    tail(6);
    tail(0);
  }
}

// What stands behind a backslash.
bool TakeEscape(std::string_view* rest, std::string* out) {
  if (rest->empty()) return false;
  const char kind = rest->front();
  uint32_t value = 0;
  if (Digit(kind) < 8) {
    TakeDigits(rest, 8, 3, &value);
    *out += static_cast<char>(value);
    return true;
  }
  rest->remove_prefix(1);
  constexpr std::string_view kNames = "abfnrtv\\'\"?";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\'\"?";
  if (size_t at = kNames.find(kind); at != std::string_view::npos) {
    *out += kValues[at];
    return true;
  }
  if (kind == 'x' || kind == 'X') {
    if (!TakeDigits(rest, 16, 2, &value)) return false;
    *out += static_cast<char>(value);
    return true;
  }
  if (kind != 'u' && kind != 'U') return false;
  if (!TakeDigits(rest, 16, kind == 'u' ? 4 : 8, &value)) return false;
  AppendUtf8(value, out);
  return true;
}

}  // namespace

bool TakeQuoted(std::string_view* rest, std::string* out) {
  if (rest->empty() || (rest->front() != '"' && rest->front() != '\'')) return false;
  const char quote = rest->front();
  rest->remove_prefix(1);
  while (!rest->empty()) {
    const char c = rest->front();
    rest->remove_prefix(1);
    if (c == quote) return true;
    if (c != '\\') {
      *out += c;
    } else if (!TakeEscape(rest, out)) {
      return false;
    }
  }
  return false;
}

}  // namespace midstream::tensorflow
