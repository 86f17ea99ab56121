// The table of configuration keys: one row per key, and everything about a key is in its row.
//
// Checking, `config show`, the text of --help, the commented default file and
// docs/configuration.md all come from these rows, so they cannot disagree. A new key is a member of
// Config with its default, and a row in keys.cc or policy_keys.h. One part of a key may be free, written "*": the
// row "precision.op.*.dtype" is the key dtype of every table [precision.op."NAME"].
// Threads: the table is immutable.
#ifndef MIDSTREAM_CORE_CONFIG_KEYS_H_
#define MIDSTREAM_CORE_CONFIG_KEYS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/config/config.h"

namespace midstream::config {

// A value as the file spells it; a choice is its name.
using Value = std::variant<bool, int64_t, std::string, std::vector<std::string>,
                           std::vector<int64_t>, std::vector<std::vector<int64_t>>>;

// kTable is an array of arrays of integers.
enum class KeyType { kBool, kInteger, kString, kList, kChoice, kIntegers, kTable };

// One legal spelling of a choice. Spellings with one index mean the same; the first is the usual.
struct ChoiceName {
  std::string_view name;
  int index = 0;
  // Not empty: the name is known but refused, and this says why.
  std::string_view refusal = {};
};

// A rule for the text of a string, or for every item of a list.
struct TextRule {
  bool (*accepts)(std::string_view text);
  std::string_view expected;  // "an absolute path or nothing"
};

// An integer key that also accepts text: the integer that the text stands for.
struct IntegerSpelling {
  std::optional<int64_t> (*read)(std::string_view text);
  std::string_view expected;
};

struct KeyRow {
  std::string_view key;  // full: "precision.mode", "precision.op.*.dtype"
  std::string_view doc;  // one sentence or two
  KeyType type = KeyType::kString;
  // name stands for the free part of key; any other key ignores it.
  Value (*get)(const Config& config, std::string_view name) = nullptr;
  // Requires: value is legal for this row.
  void (*set)(Config& config, std::string_view name, const Value& value) = nullptr;
  // The names that config has for the free part of key; null when it has none.
  std::vector<std::string_view> (*names)(const Config& config) = nullptr;

  int64_t min = 0;  // kInteger; of every integer of kIntegers and kTable
  int64_t max = 0;
  size_t max_items = 0;  // kIntegers, kTable
  std::span<const ChoiceName> choices = {};
  const TextRule* rule = nullptr;  // kString, kList
  const IntegerSpelling* spelling = nullptr;

  // The part of key before the last dot; empty for a top-level key.
  std::string_view section() const;
};

struct SectionRow {
  std::string_view name;
  std::string_view doc;
};

// In the order of the documentation; the keys of a section stand together.
std::span<const KeyRow> KeyTable();
std::span<const SectionRow> SectionTable();

// The one section whose tables hold keys that have no row: [backends.NAME].
inline constexpr std::string_view kBackendsSection = "backends";

// nullptr when there is no such key.
const KeyRow* FindKey(std::string_view key);
// Whether some key begins with name and a dot.
bool IsSection(std::string_view name);
// Whether the tables in section name have free names, as those of "precision.op" have.
bool HoldsFreeNames(std::string_view name);

// key with name in place of its free part, if it has one.
std::string WithName(std::string_view key, std::string_view name);
// name as one part of a TOML key, and text as a TOML string.
std::string QuotedKey(std::string_view name);
std::string Quoted(std::string_view text);

// Whether text may be the name of a plugin: [a-z0-9_]{1,64}.
bool IsPluginName(std::string_view text);

// "an integer from 0 to 4096", "one of always, cached, off".
std::string Expected(const KeyRow& row);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_KEYS_H_
