#include "core/config/npu/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace midstream::config {
namespace {

constexpr size_t kMaxProfiles = 256;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(Trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int64_t> Integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < -1) return std::nullopt;
  return value;
}

// The part before the last colon, as names may have ports ("data:0:1,-1").
struct Item {
  std::string name;
  std::string_view rest;
};
Result<std::vector<Item>> Items(std::string_view text, const char* example) {
  std::vector<Item> items;
  for (const std::string_view item : Split(text, ';')) {
    if (item.empty() && !items.empty()) continue;  // a semicolon at the end
    const size_t colon = item.rfind(':');
    if (colon == std::string_view::npos || colon == 0) {
      return InvalidArgument(fmt::format("expected {}, found \"{}\"", example, item));
    }
    items.push_back({std::string(Trim(item.substr(0, colon))), Trim(item.substr(colon + 1))});
    const auto same = [&](const Item& other) { return other.name == items.back().name; };
    if (std::count_if(items.begin(), items.end(), same) != 1) {
      return InvalidArgument(fmt::format("has \"{}\" twice", items.back().name));
    }
  }
  return items;
}

Result<std::vector<int64_t>> Integers(std::string_view text) {
  std::vector<int64_t> integers;
  for (const std::string_view part : Split(text, ',')) {
    const auto value = Integer(part);
    if (!value) return InvalidArgument(fmt::format("expected sizes or -1, found \"{}\"", part));
    integers.push_back(*value);
  }
  return integers;
}

// "128", "3~5", "3~-1" or "-1".
std::optional<std::vector<int64_t>> RangeOf(std::string_view text) {
  const size_t tilde = text.find('~');
  const auto least = Integer(text.substr(0, tilde));
  if (!least) return std::nullopt;
  if (tilde == std::string_view::npos) {
    return *least == -1 ? std::vector<int64_t>{0, -1} : std::vector<int64_t>{*least, *least};
  }
  const auto most = Integer(text.substr(tilde + 1));
  if (!most || *least < 0 || (*most != -1 && *most < *least)) return std::nullopt;
  return std::vector<int64_t>{*least, *most};
}

}  // namespace

Result<NpuShapes> ParseInputShape(std::string_view text) {
  MS_ASSIGN_OR_RETURN(const auto items, Items(text, "name:sizes, as in \"data:1,-1;label:1\""));
  NpuShapes shapes;
  for (const Item& item : items) {
    MS_ASSIGN_OR_RETURN(std::vector<int64_t> shape, Integers(item.rest));
    if (shape == std::vector<int64_t>{0}) shape.clear();
    shapes.emplace(item.name, std::move(shape));
  }
  return shapes;
}

Result<std::map<std::string, NpuTable>> ParseDynamicDims(std::string_view text,
                                                         const NpuShapes& shapes) {
  size_t free = 0;
  for (const auto& [name, shape] : shapes) {
    free += static_cast<size_t>(std::count(shape.begin(), shape.end(), -1));
  }
  std::map<std::string, NpuTable> buckets;
  size_t profiles = 0;
  for (const std::string_view row : Split(text, ';')) {
    if (row.empty() && profiles != 0) continue;
    MS_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, Integers(row));
    if (sizes.size() != free || std::count(sizes.begin(), sizes.end(), -1) != 0) {
      return InvalidArgument(
          fmt::format("\"{}\": expected {} sizes, one for each -1 of input_shape", row, free));
    }
    ++profiles;
    auto next = sizes.begin();
    for (const auto& [name, shape] : shapes) {
      const auto count = std::count(shape.begin(), shape.end(), -1);
      if (count == 0) continue;
      buckets[name].emplace_back(next, next + count);
      next += count;
    }
  }
  if (profiles < 2 || profiles > kMaxProfiles) {
    return InvalidArgument(
        fmt::format("expected 2 to {} profiles, found {}", kMaxProfiles, profiles));
  }
  return buckets;
}

Result<std::map<std::string, NpuTable>> ParseShapeRanges(std::string_view text) {
  constexpr const char* kExample = "name:[sizes], as in \"tokens:[128,3~5,-1]\"";
  MS_ASSIGN_OR_RETURN(const auto items, Items(text, kExample));
  std::map<std::string, NpuTable> ranges;
  for (const Item& item : items) {
    if (!item.rest.starts_with('[') || !item.rest.ends_with(']') || item.rest.size() < 2) {
      return InvalidArgument(fmt::format("expected {}, found \"{}\"", kExample, item.rest));
    }
    NpuTable& table = ranges[item.name];
    const std::string_view inside = Trim(item.rest.substr(1, item.rest.size() - 2));
    if (inside.empty()) continue;  // a scalar
    for (const std::string_view part : Split(inside, ',')) {
      const auto range = RangeOf(part);
      if (!range) {
        return InvalidArgument(
            fmt::format("expected a size, a range as 3~5, or -1, found \"{}\"", part));
      }
      table.push_back(*range);
    }
  }
  return ranges;
}

}  // namespace midstream::config
