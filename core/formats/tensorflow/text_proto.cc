#include "core/formats/tensorflow/text_proto.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/formats/file.h"
#include "core/formats/tensorflow/text_string.h"
#include "core/formats/tensorflow/wire_writer.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr int kDeepest = 64;

bool IsWordCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '.' || c == '+' || c == '-';
}

// Decimal, 0x.. or octal, with the sign in front.
bool ParseInteger(std::string_view word, int64_t* value) {
  const bool negative = word.starts_with('-');
  if (negative) word.remove_prefix(1);
  int base = 10;
  if (word.starts_with("0x") || word.starts_with("0X")) {
    base = 16;
    word.remove_prefix(2);
  } else if (word.size() > 1 && word.front() == '0') {
    base = 8;
  }
  uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), magnitude, base);
  if (word.empty() || error != std::errc() || end != word.data() + word.size()) return false;
  if (negative && magnitude > uint64_t{1} << 63) return false;
  *value = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

bool ParseReal(std::string_view word, double* value) {
  std::string_view digits = word;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  std::string lower(digits);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower == "inf" || lower == "infinity") {
    *value = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    *value = std::numeric_limits<double>::quiet_NaN();
  } else {
    std::string_view plain = lower;
    if (plain.ends_with('f')) plain.remove_suffix(1);
    auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), *value);
    if (plain.empty() || end != plain.data() + plain.size()) return false;
    if (error == std::errc::result_out_of_range) {  // as strtod rounds them
      *value = plain.find("e-") == std::string_view::npos ? HUGE_VAL : 0.0;
    } else if (error != std::errc()) {
      return false;
    }
  }
  if (negative) *value = -*value;
  return true;
}

class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text), rest_(text) {}

  Result<std::string> ReadAll(TextMessage message) {
    std::string out;
    MS_RETURN_IF_ERROR(ReadFields(FieldsOf(message), '\0', &out));
    return out;
  }

 private:
  using Fields = std::span<const TextField>;

  void SkipSpaces() {
    while (!rest_.empty()) {
      if (rest_.front() == '#') {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (std::string_view(" \t\r\n\f\v").find(rest_.front()) != std::string_view::npos) {
        rest_.remove_prefix(1);
      } else {
        break;
      }
    }
  }

  // Whether `c` is next; takes it.
  bool Take(char c) {
    SkipSpaces();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  char Peek() {
    SkipSpaces();
    return rest_.empty() ? '\0' : rest_.front();
  }

  Status Error(const std::string& why) const { return ErrorAt(rest_, why); }

  // `rest` is what was left where the trouble began. Counting lines takes time, so it is only done
  // for an error.
  Status ErrorAt(std::string_view rest, const std::string& why) const {
    std::string_view before = text_.substr(0, text_.size() - rest.size());
    size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return DataLoss("line " + std::to_string(std::count(before.begin(), before.end(), '\n') + 1) +
                    ", column " + std::to_string(before.size() - line_start + 1) + ": " + why);
  }

  // A name or a number; a '-' may stand apart from its number.
  std::string TakeWord() {
    std::string word;
    if (Take('-')) word = "-";
    SkipSpaces();
    auto end = std::find_if_not(rest_.begin(), rest_.end(), IsWordCharacter);
    word.append(rest_.begin(), end);
    rest_.remove_prefix(static_cast<size_t>(end - rest_.begin()));
    return word;
  }

  // One string or several in a row.
  Status TakeStrings(std::string* value) {
    if (Peek() != '"' && Peek() != '\'') return Error("expected a quoted string");
    while (Peek() == '"' || Peek() == '\'') {
      if (!TakeQuoted(&rest_, value)) return Error("a string has no end or a bad escape");
    }
    return OkStatus();
  }

  // The fields of a message up to `end`, or of the whole text.
  Status ReadFields(Fields fields, char end, std::string* out) {
    if (++depth_ > kDeepest) return Error("messages are nested too deeply");
    while (true) {
      if (end != '\0' && Take(end)) break;
      if (Peek() == '\0') {
        if (end == '\0' && rest_.empty()) break;
        return Error(rest_.empty() ? "a message has no end" : "unexpected character");
      }
      MS_RETURN_IF_ERROR(ReadField(fields, out));
      if (!Take(',')) Take(';');
    }
    --depth_;
    return OkStatus();
  }

  Status ReadField(Fields fields, std::string* out) {
    if (Take('[')) {  // an extension, or the type of an Any
      rest_.remove_prefix(std::min(rest_.find(']'), rest_.size()));
      if (!Take(']')) return Error("expected ']'");
      return ReadUnknown();
    }
    const std::string_view start = rest_;
    const std::string name = TakeWord();
    if (name.empty() || name.front() == '-') return ErrorAt(start, "expected the name of a field");
    auto field = std::find_if(fields.begin(), fields.end(),
                              [&](const TextField& field) { return field.name == name; });
    if (field == fields.end()) return ReadUnknown();
    const bool colon = Take(':');
    if (!colon && field->type != TextType::kMessage) {
      return Error("expected ':' after " + Quoted(name));
    }
    if (!Take('[')) return ReadValue(*field, out);
    while (!Take(']')) {
      MS_RETURN_IF_ERROR(ReadValue(*field, out));
      if (!Take(',') && Peek() != ']') return Error("expected ',' or ']'");
    }
    return OkStatus();
  }

  Status ReadValue(const TextField& field, std::string* out) {
    if (field.type == TextType::kMessage) {
      const char end = Take('{') ? '}' : Take('<') ? '>' : '\0';
      if (end == '\0') return Error("expected '{' after " + Quoted(field.name));
      std::string inner;
      MS_RETURN_IF_ERROR(ReadFields(FieldsOf(field.message), end, &inner));
      PutBytes(field.number, inner, out);
      return OkStatus();
    }
    if (field.type == TextType::kString) {
      std::string value;
      MS_RETURN_IF_ERROR(TakeStrings(&value));
      PutBytes(field.number, value, out);
      return OkStatus();
    }
    SkipSpaces();
    const std::string_view start = rest_;
    if (AppendScalar(field, TakeWord(), out)) return OkStatus();
    return ErrorAt(start, Quoted(field.name) + " has a malformed value");
  }

  static bool AppendScalar(const TextField& field, const std::string& word, std::string* out) {
    int64_t number = 0;
    double real = 0;
    switch (field.type) {
      case TextType::kFloat:
        if (!ParseReal(word, &real)) return false;
        PutTag(field.number, WireType::kFixed32, out);
        PutLittleEndian32(std::bit_cast<uint32_t>(static_cast<float>(real)), out);
        return true;
      case TextType::kDouble:
        if (!ParseReal(word, &real)) return false;
        PutTag(field.number, WireType::kFixed64, out);
        PutLittleEndian64(std::bit_cast<uint64_t>(real), out);
        return true;
      case TextType::kBool:
        number = word == "true" || word == "True" || word == "t" || word == "1";
        if (number == 0 && word != "false" && word != "False" && word != "f" && word != "0") {
          return false;
        }
        break;
      case TextType::kDataType:
        if (auto type = DataTypeNumber(word)) {
          number = *type;
        } else if (word.starts_with("DT_")) {
          number = kUnknownDataType;
        } else if (!ParseInteger(word, &number)) {
          return false;
        }
        break;
      default:
        if (!ParseInteger(word, &number)) return false;
    }
    PutTag(field.number, WireType::kVarint, out);
    PutVarint(static_cast<uint64_t>(number), out);
    return true;
  }

  // What follows the name of a field that the schema does not have.
  Status ReadUnknown() {
    Take(':');
    if (Take('[')) {
      while (!Take(']')) {
        MS_RETURN_IF_ERROR(ReadUnknownValue());
        if (!Take(',') && Peek() != ']') return Error("expected ',' or ']'");
      }
      return OkStatus();
    }
    return ReadUnknownValue();
  }

  Status ReadUnknownValue() {
    const char end = Take('{') ? '}' : Take('<') ? '>' : '\0';
    std::string ignored;
    if (end != '\0') return ReadFields({}, end, &ignored);
    if (Peek() == '"' || Peek() == '\'') return TakeStrings(&ignored);
    return TakeWord().empty() ? Error("expected a value") : OkStatus();
  }

  // A type that came after those that the engine knows: as unusable as one of them that it lacks.
  static constexpr int64_t kUnknownDataType = 99;

  std::string_view text_;
  std::string_view rest_;
  int depth_ = 0;
};

}  // namespace

Result<std::string> EncodeText(std::string_view text, TextMessage message) {
  return TextReader(text).ReadAll(message);
}

bool IsText(std::string_view bytes) {
  constexpr size_t kLooked = 4096;
  bytes = bytes.substr(0, kLooked);
  return !bytes.empty() && std::none_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x7f || (byte < 0x20 && (byte < '\t' || byte > '\r'));
  });
}

}  // namespace midstream::tensorflow
