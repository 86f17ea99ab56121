#include "core/graph/named_shape.h"

#include <algorithm>
#include <charconv>

namespace midstream {
namespace {

constexpr size_t kMaxDimensions = 32;  // as shape inference

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsIdentifier(std::string_view text) {
  return !text.empty() && IsLetter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
}

Result<NamedDim> ParseNamedDim(std::string_view text) {
  NamedDim dim;
  if (IsIdentifier(text) && text.size() <= kMaxDimensionName) {
    dim.name = text;
    return dim;
  }
  const char* end = text.data() + text.size();
  const bool number = !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
  const auto [stop, code] = std::from_chars(text.data(), end, dim.size);
  if (number && code == std::errc() && stop == end) return dim;
  return InvalidArgument("expected a dimension (a size, or a name of letters, digits and '_' of " +
                         std::to_string(kMaxDimensionName) + " at most), got '" +
                         std::string(text.substr(0, 2 * kMaxDimensionName)) + "'");
}

Result<NamedShape> ParseNamedShape(std::string_view text) {
  NamedShape shape;
  if (text.empty()) return shape;
  while (true) {
    const size_t comma = text.find(',');
    MS_ASSIGN_OR_RETURN(NamedDim dim, ParseNamedDim(text.substr(0, comma)));
    if (shape.size() == kMaxDimensions) {
      return InvalidArgument("expected at most " + std::to_string(kMaxDimensions) + " dimensions");
    }
    shape.push_back(std::move(dim));
    if (comma == std::string_view::npos) return shape;
    text.remove_prefix(comma + 1);
  }
}

std::string ToString(const NamedDim& dim) {
  return dim.name.empty() ? std::to_string(dim.size) : dim.name;
}

std::string ToString(const NamedShape& shape) {
  std::string text;
  for (const NamedDim& dim : shape) text += (text.empty() ? "" : ",") + ToString(dim);
  return text;
}

Shape ToShape(const NamedShape& shape) {
  std::vector<int64_t> dims;
  for (const NamedDim& dim : shape) dims.push_back(dim.size);
  return Shape(std::move(dims));
}

}  // namespace midstream
