#include "core/formats/npy/npy_header.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/formats/file.h"
#include "core/formats/numpy_dtype.h"

namespace midstream::formats {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMostDims = 64;  // numpy's own limit
constexpr size_t kAlignment = 64;

// Reads the few forms of Python literals that numpy writes.
class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : rest_(text) {}

  // Takes `token` if it comes next, spaces before it included.
  bool Take(std::string_view token) {
    SkipSpaces();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  bool TakeString(std::string_view* out) {
    SkipSpaces();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return false;
    size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return false;
    *out = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return true;
  }

  bool TakeBool(bool* out) {
    *out = Take("True");
    return *out || Take("False");
  }

  // "(2, 3)", "(2,)", "()"; Python 2 wrote "(2L, 3L)".
  bool TakeTuple(std::vector<int64_t>* out) {
    if (!Take("(")) return false;
    while (!Take(")")) {
      int64_t value = 0;
      auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error != std::errc() || value < 0 || out->size() == kMostDims) return false;
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      out->push_back(value);
      Take("L");
      if (!Take(",") && !rest_.starts_with(')')) return false;
      SkipSpaces();
    }
    return true;
  }

  bool AtEnd() {
    SkipSpaces();
    return rest_.empty();
  }

 private:
  void SkipSpaces() {
    size_t spaces = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(spaces == std::string_view::npos ? rest_.size() : spaces);
  }

  std::string_view rest_;
};

Result<DType> ParseDescr(std::string_view descr) {
  Status refused = Unimplemented("arrays of dtype " + Quoted(descr) + " are not read");
  if (descr.size() != 3) return refused;
  const std::optional<DType> dtype = FromNumpyLetters(descr.substr(1));
  if (!dtype) return refused;
  if (descr[0] == '<' || descr[0] == '=' || (descr[0] == '|' && DTypeSize(*dtype) == 1)) {
    return *dtype;
  }
  if (descr[0] != '>') return refused;
  return Unimplemented("big-endian arrays (dtype " + Quoted(descr) + ") are not read");
}

struct Dictionary {
  std::string_view descr;
  bool fortran_order = false;
  std::vector<int64_t> dims;
};

Result<Dictionary> ParseDictionary(std::string_view text) {
  Status malformed = DataLoss("the .npy header is malformed: " + Quoted(text));
  LiteralParser parser(text);
  if (!parser.Take("{")) return malformed;
  Dictionary dictionary;
  bool has_order = false;
  bool has_shape = false;
  while (!parser.Take("}")) {
    std::string_view key;
    if (!parser.TakeString(&key) || !parser.Take(":")) return malformed;
    if (key == "descr") {
      if (!parser.TakeString(&dictionary.descr)) {
        return Unimplemented("arrays of records are not read");
      }
    } else if (key == "fortran_order") {
      has_order = parser.TakeBool(&dictionary.fortran_order);
      if (!has_order) return malformed;
    } else if (key == "shape") {
      dictionary.dims.clear();
      has_shape = parser.TakeTuple(&dictionary.dims);
      if (!has_shape) return malformed;
    } else {
      return malformed;
    }
    parser.Take(",");
  }
  if (!parser.AtEnd() || dictionary.descr.empty() || !has_order || !has_shape) return malformed;
  return dictionary;
}

size_t LittleEndian(std::string_view bytes) {
  size_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= static_cast<size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace

Result<NpyPrelude> ParseNpyPrelude(std::string_view start) {
  if (start.size() < kNpyPreludeSize || !start.starts_with(kMagic)) {
    return DataLoss("not a .npy array: it does not start with numpy's magic bytes");
  }
  int major = static_cast<unsigned char>(start[6]);
  if (major < 1 || major > 3) {
    return Unimplemented(".npy version " + std::to_string(major) +
                         " is not read; versions 1 to 3 are");
  }
  NpyPrelude prelude;
  size_t length_size = major == 1 ? 2 : 4;
  prelude.header_begin = 8 + length_size;
  prelude.header_size = LittleEndian(start.substr(8, length_size));
  if (prelude.header_size > kLargestNpyHeader) {
    return DataLoss("a .npy header of " + std::to_string(prelude.header_size) +
                    " bytes is senseless");
  }
  return prelude;
}

Result<NpyHeader> ParseNpyHeader(std::string_view text) {
  MS_ASSIGN_OR_RETURN(Dictionary dictionary, ParseDictionary(text));
  NpyHeader header;
  MS_ASSIGN_OR_RETURN(header.dtype, ParseDescr(dictionary.descr));
  header.fortran_order = dictionary.fortran_order;
  header.shape = Shape(std::move(dictionary.dims));
  return header;
}

Result<NpyTextHeader> ParseNpyTextHeader(std::string_view text) {
  MS_ASSIGN_OR_RETURN(const Dictionary dictionary, ParseDictionary(text));
  const std::string_view descr = dictionary.descr;
  const Status refused =
      Unimplemented("an array of dtype " + Quoted(descr) + " and rank " +
                    std::to_string(dictionary.dims.size()) + " holds no text: expected one str");
  const bool one = std::all_of(dictionary.dims.begin(), dictionary.dims.end(),
                               [](int64_t dim) { return dim == 1; });
  if (!one || descr.size() < 3) return refused;
  NpyTextHeader header;
  header.utf32 = descr.starts_with("<U");
  if (!header.utf32 && !descr.starts_with("|S")) return refused;
  size_t length = 0;
  const char* last = descr.data() + descr.size();
  const auto [end, error] = std::from_chars(descr.data() + 2, last, length);
  if (error != std::errc() || end != last || length > kLongestNpyText) return refused;
  header.bytes = header.utf32 ? length * 4 : length;
  return header;
}

Result<std::string> FormatNpyHeader(DType dtype, const Shape& shape) {
  const std::string_view name = NumpyLetters(dtype);
  if (name.empty()) {
    return InvalidArgument("numpy files cannot hold " + std::string(DTypeName(dtype)));
  }
  std::string dict = "{'descr': '";
  dict += DTypeSize(dtype) == 1 ? '|' : '<';
  dict += name;
  dict += "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.rank(); ++i) {
    dict += (i > 0 ? " " : "") + std::to_string(shape[i]) + ",";
  }
  if (shape.rank() > 1) dict.pop_back();
  dict += "), }";
  constexpr size_t kPrelude = 10;
  dict.append(kAlignment - (kPrelude + dict.size() + 1) % kAlignment, ' ');
  dict += '\n';
  std::string header(kMagic);
  header +=
      {'\x01', '\0', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return header + dict;
}

}  // namespace midstream::formats
