#include "core/formats/orbax/key_text.h"

#include <cctype>

namespace midstream::orbax {
namespace {

// Takes a string in either kind of quotes from the front of `text`. The only escapes that Python
// writes for printable text are those of quotes and backslashes.
bool TakeString(std::string_view* text, std::string* out) {
  const char quote = text->front();
  for (size_t i = 1; i < text->size(); ++i) {
    char c = (*text)[i];
    if (c == quote) {
      text->remove_prefix(i + 1);
      return true;
    }
    if (c == '\\') {
      if (++i == text->size()) return false;
      c = (*text)[i];
      if (c != '\\' && c != '\'' && c != '"') return false;
    }
    *out += c;
  }
  return false;
}

bool TakeNumber(std::string_view* text, std::string* out) {
  while (!text->empty() && std::isdigit(static_cast<unsigned char>(text->front())) != 0) {
    *out += text->front();
    text->remove_prefix(1);
  }
  return !out->empty();
}

bool TakePrefix(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace

Result<std::vector<std::string>> ParseKeyText(std::string_view text) {
  const Status malformed = DataLoss("is no tuple of names");
  std::vector<std::string> names;
  if (!TakePrefix(&text, "(")) return malformed;
  while (!text.empty() && text.front() != ')') {
    std::string name;
    const bool quoted = text.front() == '\'' || text.front() == '"';
    if (!(quoted ? TakeString(&text, &name) : TakeNumber(&text, &name))) return malformed;
    names.push_back(std::move(name));
    if (!TakePrefix(&text, ", ") && !TakePrefix(&text, ",")) break;
  }
  return text == ")" && !names.empty() ? Result<std::vector<std::string>>(names) : malformed;
}

}  // namespace midstream::orbax
