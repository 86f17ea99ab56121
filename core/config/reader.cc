#include "core/config/reader.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/config/keys.h"
#include "core/config/nearest.h"

namespace midstream::config {
namespace {

// toml++ bounds the nesting of arrays and inline tables but not that of dotted keys, and frees
// nested tables recursively; this bounds the depth by bounding what makes it.
constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxDots = 5000;
// How much of a wrong value a message shows.
constexpr size_t kMaxShown = 60;

std::string_view TypeName(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    case toml::node_type::none:
      break;
  }
  return "nothing";
}

// Text from the file, made safe for one line of a message.
std::string OneLine(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return line;
}

std::string Shown(std::string_view text) {
  if (text.size() <= kMaxShown) return OneLine(text);
  return OneLine(text.substr(0, kMaxShown)) + "...";
}

std::string Found(const toml::node& node) {
  if (const auto* text = node.as_string()) return fmt::format("\"{}\"", Shown(text->get()));
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  return std::string(TypeName(node));
}

std::string DidYouMean(std::string_view wrong, std::span<const std::string_view> names) {
  const std::string_view nearest = Nearest(wrong, names);
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

std::optional<std::string> ScalarText(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  return std::nullopt;
}

std::string BoundsMistake(std::string_view text) {
  if (text.size() > kMaxBytes) return fmt::format("more than {} bytes", kMaxBytes);
  if (static_cast<size_t>(std::count(text.begin(), text.end(), '.')) > kMaxDots) {
    return fmt::format("more than {} dots", kMaxDots);
  }
  return "";
}

// Where a table or a key stands: as the key table spells it, as the file does, and what the free
// part of the former is in the latter.
struct Place {
  std::string key;   // "precision.op.*.dtype"
  std::string full;  // "precision.op.Softmax.dtype"
  std::string name;  // "Softmax"
};

class Reader {
 public:
  // override is true for --set: file is then its name in messages.
  Reader(std::string file, bool is_override, Config& config, std::vector<Problem>& problems)
      : file_(std::move(file)), override_(is_override), config_(config), problems_(problems) {}

  void ReadTable(const toml::table& table, const Place& place) {
    const bool free = HoldsFreeNames(place.key);
    for (auto&& [key, node] : table) {
      const std::string name(key.str());
      const std::string prefix = place.key.empty() ? "" : place.key + ".";
      const std::string full = place.full.empty() ? "" : place.full + ".";
      if (free && name.empty()) {
        Add(key.source().begin, place.full, "expected a name that is not empty, found \"\"");
      } else if (free) {
        ReadNode({prefix + "*", full + QuotedKey(name), name}, key.source().begin, node);
      } else if (name.find_first_of(".*") == std::string::npos) {
        ReadNode({prefix + name, full + name, place.name}, key.source().begin, node);
      } else {
        // A quoted key with a dot in it would otherwise look like a key in a section.
        Add(key.source().begin, full + name,
            "unknown key; write the dots of a key outside of quotes");
      }
    }
  }

  void ReadNode(const Place& place, toml::source_position key_position, const toml::node& node) {
    if (const KeyRow* row = FindKey(place.key)) {
      ReadValue({*row, place}, node);
    } else if (place.key == kBackendsSection) {
      ReadBackends(node);
    } else if (!IsSection(place.key)) {
      Add(key_position, place.full, UnknownKey(place, node));
    } else if (const toml::table* table = node.as_table()) {
      ReadTable(*table, place);
    } else {
      Add(node.source().begin, place.full,
          fmt::format("is a section: expected a table, found {}", TypeName(node)));
    }
  }

  void Add(toml::source_position at, std::string_view key, std::string message) {
    problems_.push_back({file_, override_ ? 0 : at.line, override_ ? 0 : at.column, Shown(key),
                         std::move(message)});
  }

 private:
  // A row of the key table and where the file has it.
  struct Key {
    const KeyRow& row;
    const Place& place;
  };

  static std::string UnknownKey(const Place& place, const toml::node& node) {
    std::vector<std::string> names;
    if (node.is_table()) {
      for (const SectionRow& section : SectionTable()) {
        names.emplace_back(section.name.substr(0, section.name.find(".*")));
      }
      names.emplace_back(kBackendsSection);
    } else {
      for (const KeyRow& row : KeyTable()) names.emplace_back(row.key);
    }
    std::erase(names, "");
    std::string_view nearest =
        Nearest(place.key, std::vector<std::string_view>(names.begin(), names.end()));
    std::string text = node.is_table() ? "unknown section" : "unknown key";
    if (nearest.empty()) return text;
    const std::string name = place.name.empty() ? "\"NAME\"" : QuotedKey(place.name);
    return text + fmt::format("; did you mean {}?", Shown(WithName(nearest, name)));
  }

  void Expect(const Key& key, const toml::node& node, std::string_view found) {
    Add(node.source().begin, key.place.full,
        fmt::format("expected {}, found {}", Expected(key.row), found));
  }

  void Set(const Key& key, const toml::node& node, const Value& value, std::string written = {}) {
    key.row.set(config_, key.place.name, value);
    Record(key.place.full, node, std::move(written));
  }

  void Record(const std::string& key, const toml::node& node, std::string written) {
    Origin origin;
    origin.written = std::move(written);
    if (override_) {
      origin.source = Origin::Source::kSet;
    } else {
      origin.source = Origin::Source::kFile;
      origin.file = file_;
      origin.line = node.source().begin.line;
      origin.column = node.source().begin.column;
    }
    config_.origins.insert_or_assign(key, std::move(origin));
  }

  void ReadValue(const Key& key, const toml::node& node) {
    switch (key.row.type) {
      case KeyType::kBool:
        if (const auto* boolean = node.as_boolean()) return Set(key, node, boolean->get());
        return Expect(key, node, Found(node));
      case KeyType::kInteger:
        return ReadInteger(key, node);
      case KeyType::kString:
        if (const auto* text = node.as_string(); text && key.row.rule->accepts(text->get())) {
          return Set(key, node, text->get());
        }
        return Expect(key, node, Found(node));
      case KeyType::kList:
        return ReadList(key, node);
      case KeyType::kChoice:
        return ReadChoice(key, node);
      case KeyType::kIntegers: {
        std::vector<int64_t> integers;
        if (ReadIntegers(key, node, integers)) Set(key, node, integers);
        return;
      }
      case KeyType::kTable:
        return ReadIntegerTable(key, node);
    }
  }

  void ReadInteger(const Key& key, const toml::node& node) {
    std::optional<int64_t> value;
    if (const auto* integer = node.as_integer()) value = integer->get();
    if (const auto* text = node.as_string(); text && key.row.spelling) {
      value = key.row.spelling->read(text->get());
    }
    if (!value || *value < key.row.min || *value > key.row.max) {
      return Expect(key, node, Found(node));
    }
    Set(key, node, *value);
  }

  void ReadList(const Key& key, const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return Expect(key, node, Found(node));
    std::vector<std::string> items;
    bool good = true;
    for (const toml::node& item : *array) {
      const auto* text = item.as_string();
      if (text != nullptr && key.row.rule->accepts(text->get())) {
        items.push_back(text->get());
      } else {
        Expect(key, item, Found(item) + " in it");
        good = false;
      }
    }
    if (good) Set(key, node, items);
  }

  bool ReadIntegers(const Key& key, const toml::node& node, std::vector<int64_t>& integers) {
    const toml::array* array = node.as_array();
    if (array == nullptr || array->size() > key.row.max_items) {
      Expect(key, node, array == nullptr ? Found(node) : fmt::format("{} items", array->size()));
      return false;
    }
    bool good = true;
    for (const toml::node& item : *array) {
      const auto* integer = item.as_integer();
      if (integer != nullptr && integer->get() >= key.row.min && integer->get() <= key.row.max) {
        integers.push_back(integer->get());
      } else {
        Expect(key, item, Found(item) + " in it");
        good = false;
      }
    }
    return good;
  }

  void ReadIntegerTable(const Key& key, const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return Expect(key, node, Found(node));
    if (array->size() > key.row.max_items) {
      return Expect(key, node, fmt::format("{} items", array->size()));
    }
    std::vector<std::vector<int64_t>> table;
    bool good = true;
    for (const toml::node& item : *array) {
      good = ReadIntegers(key, item, table.emplace_back()) && good;
    }
    if (good) Set(key, node, table);
  }

  void ReadChoice(const Key& key, const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) return Expect(key, node, Found(node));
    std::vector<std::string_view> names;
    for (const ChoiceName& choice : key.row.choices) {
      if (choice.name == text->get()) {
        if (choice.refusal.empty()) return Set(key, node, text->get(), text->get());
        return Add(
            node.source().begin, key.place.full,
            fmt::format("\"{}\" {}: expected {}", choice.name, choice.refusal, Expected(key.row)));
      }
      if (choice.refusal.empty()) names.push_back(choice.name);
    }
    Expect(key, node, Found(node) + DidYouMean(text->get(), names));
  }

  void ReadBackends(const toml::node& node) {
    const toml::table* backends = node.as_table();
    if (backends == nullptr) {
      return Add(
          node.source().begin, kBackendsSection,
          fmt::format("is a section: expected tables [backends.NAME], found {}", TypeName(node)));
    }
    for (auto&& [name, options] : *backends) {
      const std::string key = fmt::format("{}.{}", kBackendsSection, name.str());
      if (!IsPluginName(name.str())) {
        Add(name.source().begin, key, "expected the name of a plugin (a-z, 0-9, _; at most 64)");
      } else if (const toml::table* table = options.as_table()) {
        for (auto&& [option, value] : *table) {
          ReadOption(std::string(name.str()), std::string(option.str()), value);
        }
      } else {
        Add(options.source().begin, key,
            fmt::format("expected a table of options, found {}", TypeName(options)));
      }
    }
  }

  void ReadOption(const std::string& backend, const std::string& option, const toml::node& node) {
    const std::string key = fmt::format("{}.{}.{}", kBackendsSection, backend, option);
    std::optional<std::string> text = ScalarText(node);
    if (!text) {
      return Add(node.source().begin, key,
                 fmt::format("expected a string, number or boolean, found {}", TypeName(node)));
    }
    config_.backends[backend].insert_or_assign(option, *std::move(text));
    Record(key, node, {});
  }

  const std::string file_;
  const bool override_;
  Config& config_;
  std::vector<Problem>& problems_;
};

// The value of an override as TOML, or nothing when it is not TOML.
std::optional<toml::table> ParseValue(const std::string& text) {
  if (text.find('\n') != std::string::npos || !BoundsMistake(text).empty()) return std::nullopt;
  try {
    toml::table table = toml::parse("v = " + text);
    if (table.size() == 1 && table.contains("v")) return table;
  } catch (const toml::parse_error&) {
    // A bare word.
  }
  return std::nullopt;
}

// The parts of a dotted key; empty when it is not one. A shell eats the quotes of a name with
// slashes, so a key that is not TOML may still be that of a row with a free part.
std::vector<std::string> KeyParts(const std::string& key) {
  std::vector<std::string> parts;
  if (key.find('\n') == std::string::npos && BoundsMistake(key).empty()) {
    try {
      const toml::table table = toml::parse(key + " = 0");
      for (const toml::table* at = &table; at != nullptr && at->size() == 1;) {
        parts.emplace_back(at->begin()->first.str());
        at = at->begin()->second.as_table();
      }
      return parts;
    } catch (const toml::parse_error&) {
      parts.clear();
    }
  }
  for (const KeyRow& row : KeyTable()) {
    const size_t star = row.key.find('*');
    if (star == std::string_view::npos) continue;
    const std::string_view before = row.key.substr(0, star);
    const std::string_view after = row.key.substr(star + 1);
    if (key.size() <= before.size() + after.size() || !key.starts_with(before) ||
        !key.ends_with(after)) {
      continue;
    }
    for (std::string_view rest = before; !rest.empty(); rest.remove_prefix(rest.find('.') + 1)) {
      parts.emplace_back(rest.substr(0, rest.find('.')));
    }
    parts.push_back(key.substr(before.size(), key.size() - before.size() - after.size()));
    if (!after.empty()) parts.emplace_back(after.substr(1));
    return parts;
  }
  return parts;
}

// "a,b" as an array of two strings, "" as an empty one.
toml::array SplitList(std::string_view text) {
  toml::array items;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    items.push_back(std::string(item));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
  }
  return items;
}

// A part with a dot or star that is no free name makes a key that has no row.
Place PlaceOf(const std::vector<std::string>& parts) {
  Place place;
  for (const std::string& part : parts) {
    const bool free = HoldsFreeNames(place.key);
    if (free) place.name = part;
    place.key += (place.key.empty() ? "" : ".") + (free ? "*" : QuotedKey(part));
    place.full += (place.full.empty() ? "" : ".") + QuotedKey(part);
  }
  return place;
}

bool IsText(KeyType type) { return type == KeyType::kString || type == KeyType::kChoice; }

}  // namespace

void ReadText(std::string_view text, const std::string& name, Config& config,
              std::vector<Problem>& problems) {
  Reader reader(name, false, config, problems);
  if (std::string mistake = BoundsMistake(text); !mistake.empty()) {
    reader.Add({1, 1}, "", "the file has " + mistake);
    return;
  }
  try {
    reader.ReadTable(toml::parse(text), {});
  } catch (const toml::parse_error& error) {
    reader.Add(error.source().begin, "", "not TOML: " + OneLine(error.description()));
  }
}

void ReadOverride(const Override& override, Config& config, std::vector<Problem>& problems) {
  Reader reader("--set", true, config, problems);
  const std::vector<std::string> parts = KeyParts(override.key);
  Place place = PlaceOf(parts);
  if (parts.empty()) place.key = place.full = override.key;
  const KeyRow* row = FindKey(place.key);
  std::optional<toml::table> parsed = ParseValue(override.value);
  const toml::node* node = parsed ? parsed->get("v") : nullptr;

  toml::value<std::string> bare(override.value);
  toml::array list;
  if (row != nullptr && row->type == KeyType::kList && (node == nullptr || !node->is_array())) {
    list =
        SplitList(node != nullptr && node->is_string() ? node->as_string()->get() : override.value);
    node = &list;
  } else if (row != nullptr && row->type == KeyType::kIntegers && node == nullptr) {
    parsed = ParseValue("[" + override.value + "]");
    node = parsed ? parsed->get("v") : &bare;
  } else if (node == nullptr || (row != nullptr && IsText(row->type) && !node->is_string())) {
    node = &bare;
  }
  if (override.key.starts_with(std::string(kBackendsSection) + ".")) {
    const size_t dot = override.key.find('.', kBackendsSection.size() + 1);
    if (dot == std::string::npos || dot + 1 == override.key.size()) {
      reader.Add({}, override.key, "expected backends.NAME.option");
      return;
    }
    toml::table options;
    options.insert(override.key.substr(dot + 1), *node);
    toml::table backends;
    backends.insert(
        override.key.substr(kBackendsSection.size() + 1, dot - kBackendsSection.size() - 1),
        std::move(options));
    return reader.ReadNode({std::string(kBackendsSection), std::string(kBackendsSection), {}}, {},
                           backends);
  }
  if (!parts.empty() && place.name.empty() && place.key.find(".*") != std::string::npos) {
    return reader.Add({}, place.full, "expected a name that is not empty, found \"\"");
  }
  reader.ReadNode(place, {}, *node);
}

}  // namespace midstream::config
