// How keys.cc writes a row: from pointers to members of Config.
//
// Bool<&Config::execution, &ExecutionConfig::deterministic>("execution.deterministic", doc) is a row
// whose value is config.execution.deterministic. A row for every entry of a table with free names
// takes an Entry instead: Entry<Plain<&Config::precision, &PrecisionConfig::op>,
// &NodePrecision::dtype> is config.precision.op[name].dtype.
// Threads: rows are constants.
#ifndef MIDSTREAM_CORE_CONFIG_ROWS_H_
#define MIDSTREAM_CORE_CONFIG_ROWS_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/config/keys.h"

namespace midstream::config {

// Whatever TOML can hold but the end of a C string.
inline constexpr TextRule kAnyText = {
    [](std::string_view text) { return text.find('\0') == std::string_view::npos; }, "text"};

using NamesFunction = std::vector<std::string_view> (*)(const Config& config);

template <auto... kPath>
struct Plain {
  static constexpr NamesFunction kNames = nullptr;
  static auto& Of(Config& config, std::string_view) { return (config.*....*kPath); }
  static const auto& Of(const Config& config, std::string_view) { return (config.*....*kPath); }
};

// kField of the entry called name of a map; a const map that lacks the entry gives its default.
template <typename Map, auto... kField>
struct Entry {
  static constexpr NamesFunction kNames = [](const Config& config) {
    std::vector<std::string_view> names;
    for (const auto& [name, entry] : Map::Of(config, {})) names.push_back(name);
    return names;
  };
  static auto& Of(Config& config, std::string_view name) {
    return (Map::Of(config, {})[std::string(name)].*....*kField);
  }
  static const auto& Of(const Config& config, std::string_view name) {
    const auto& map = Map::Of(config, {});
    static const typename std::remove_cvref_t<decltype(map)>::mapped_type kDefault{};
    const auto found = map.find(name);
    if (found == map.end()) return (kDefault.*....*kField);
    return (found->second.*....*kField);
  }
};

template <typename At>
using ValueType = std::remove_reference_t<decltype(At::Of(std::declval<Config&>(), {}))>;

template <typename At>
constexpr KeyRow Row(KeyType type, std::string_view key, std::string_view doc) {
  return {.key = key,
          .doc = doc,
          .type = type,
          .get = [](const Config& config,
                    std::string_view name) { return Value(At::Of(config, name)); },
          .set = [](Config& config, std::string_view name,
                    const Value& value) { At::Of(config, name) = std::get<ValueType<At>>(value); },
          .names = At::kNames};
}

template <auto... kPath>
constexpr KeyRow Bool(std::string_view key, std::string_view doc) {
  return Row<Plain<kPath...>>(KeyType::kBool, key, doc);
}

template <auto... kPath>
constexpr KeyRow Integer(std::string_view key, int64_t min, int64_t max, std::string_view doc,
                         const IntegerSpelling* spelling = nullptr) {
  KeyRow row = Row<Plain<kPath...>>(KeyType::kInteger, key, doc);
  row.min = min;
  row.max = max;
  row.spelling = spelling;
  return row;
}

// Arrays of integers, and arrays of those.
template <typename At>
constexpr KeyRow Integers(std::string_view key, int64_t min, int64_t max, size_t max_items,
                          std::string_view doc) {
  const bool table = std::is_same_v<ValueType<At>, std::vector<std::vector<int64_t>>>;
  KeyRow row = Row<At>(table ? KeyType::kTable : KeyType::kIntegers, key, doc);
  row.min = min;
  row.max = max;
  row.max_items = max_items;
  return row;
}

template <typename At>
constexpr KeyRow Text(std::string_view key, const TextRule& rule, std::string_view doc) {
  KeyRow row = Row<At>(KeyType::kString, key, doc);
  row.rule = &rule;
  return row;
}

template <auto... kPath>
constexpr KeyRow String(std::string_view key, const TextRule& rule, std::string_view doc) {
  KeyRow row = Row<Plain<kPath...>>(KeyType::kString, key, doc);
  row.rule = &rule;
  return row;
}

template <auto... kPath>
constexpr KeyRow List(std::string_view key, const TextRule& rule, std::string_view doc) {
  KeyRow row = Row<Plain<kPath...>>(KeyType::kList, key, doc);
  row.rule = &rule;
  return row;
}

template <const auto& kNames, typename At>
constexpr KeyRow Choice(std::string_view key, std::string_view doc) {
  return {.key = key,
          .doc = doc,
          .type = KeyType::kChoice,
          .get =
              [](const Config& config, std::string_view entry) {
                const int index = static_cast<int>(At::Of(config, entry));
                const auto* name = std::find_if(kNames.begin(), kNames.end(), [&](const auto& n) {
                  return n.index == index && n.refusal.empty();
                });
                return Value(std::string(name == kNames.end() ? "" : name->name));
              },
          .set =
              [](Config& config, std::string_view entry, const Value& value) {
                const auto* name = std::find_if(kNames.begin(), kNames.end(), [&](const auto& n) {
                  return n.name == std::get<std::string>(value) && n.refusal.empty();
                });
                if (name != kNames.end()) {
                  At::Of(config, entry) = static_cast<ValueType<At>>(name->index);
                }
              },
          .names = At::kNames,
          .choices = kNames};
}
template <const auto& kNames, auto... kPath>
constexpr KeyRow Choice(std::string_view key, std::string_view doc) {
  return Choice<kNames, Plain<kPath...>>(key, doc);
}

template <typename E>
constexpr ChoiceName Name(std::string_view name, E value) {
  return {.name = name, .index = static_cast<int>(value)};
}
constexpr ChoiceName Refused(std::string_view name, std::string_view why) {
  return {.name = name, .index = -1, .refusal = why};
}

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_ROWS_H_
