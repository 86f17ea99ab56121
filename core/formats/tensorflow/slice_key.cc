#include "core/formats/tensorflow/slice_key.h"

#include <bit>
#include <charconv>

#include "core/formats/file.h"

namespace midstream::tensorflow {
namespace {

constexpr size_t kMostAxes = 64;

// A number that ends at `end`, or with the text.
bool TakeNumber(std::string_view* rest, char end, int64_t* value) {
  auto [stop, error] = std::from_chars(rest->data(), rest->data() + rest->size(), *value);
  if (error != std::errc() || *value < 0) return false;
  rest->remove_prefix(static_cast<size_t>(stop - rest->data()));
  if (rest->empty()) return true;
  if (rest->front() != end) return false;
  rest->remove_prefix(1);
  return true;
}

// Keys sort as the values do: a length in front, or escapes and a terminator.
void AppendUnsigned(uint64_t value, std::string* key) {
  std::string bytes;
  for (; value > 0; value >>= 8) bytes.insert(bytes.begin(), static_cast<char>(value & 0xff));
  *key += static_cast<char>(bytes.size());
  *key += bytes;
}

void AppendString(std::string_view text, std::string* key) {
  for (char c : text) {
    *key += c;
    if (c == '\0') *key += '\xff';
    if (c == '\xff') *key += '\0';
  }
  *key += '\0';
  *key += '\x01';
}

// n bytes of two's complement, of which the first n bits are flipped by n ones.
void AppendSigned(int64_t value, std::string* key) {
  auto magnitude = static_cast<uint64_t>(value < 0 ? ~value : value);
  size_t size = static_cast<size_t>(std::bit_width(magnitude)) / 7 + 1;
  std::string bytes(size, value < 0 ? '\xff' : '\0');
  for (size_t i = 0; i < size && i < 8; ++i) {
    bytes[size - 1 - i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff);
  }
  for (size_t bit = 0; bit < size; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (0x80 >> bit % 8));
  }
  *key += bytes;
}

}  // namespace

Result<std::vector<SliceExtent>> ParseSlice(std::string_view text) {
  Status malformed = InvalidArgument("a Saver describes a part of a variable as " +
                                     formats::Quoted(text) + ", which is malformed");
  size_t space = text.rfind(' ');
  if (space == std::string_view::npos) return malformed;
  std::string_view shape = text.substr(0, space);
  std::string_view parts = text.substr(space + 1);
  std::vector<SliceExtent> extents;
  while (!shape.empty()) {
    SliceExtent extent;
    if (extents.size() == kMostAxes || !TakeNumber(&shape, ' ', &extent.length)) return malformed;
    extents.push_back(extent);
  }
  for (SliceExtent& extent : extents) {
    if (parts.starts_with('-')) {
      parts.remove_prefix(parts.starts_with("-:") ? 2 : 1);
      continue;
    }
    if (!TakeNumber(&parts, ',', &extent.start) || parts.empty() ||
        !TakeNumber(&parts, ':', &extent.length)) {
      return malformed;
    }
  }
  if (!parts.empty()) return malformed;
  return extents;
}

std::string SliceKey(std::string_view name, const std::vector<SliceExtent>& extents) {
  std::string key;
  AppendUnsigned(0, &key);
  AppendString(name, &key);
  AppendUnsigned(extents.size(), &key);
  for (const SliceExtent& extent : extents) {
    AppendSigned(extent.start, &key);
    AppendSigned(extent.length, &key);
  }
  return key;
}

}  // namespace midstream::tensorflow
