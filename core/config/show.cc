#include "core/config/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace midstream::config {
namespace {

constexpr size_t kLineWidth = 100;

std::string ToToml(bool value) { return value ? "true" : "false"; }
std::string ToToml(int64_t value) { return std::to_string(value); }
std::string ToToml(const std::string& value) { return Quoted(value); }
template <typename Item>
std::string ToToml(const std::vector<Item>& items) {
  std::string array = "[";
  for (const Item& item : items) {
    if (array.size() > 1) array += ", ";
    array += ToToml(item);
  }
  return array + "]";
}
std::string ToToml(const Value& value) {
  return std::visit([](const auto& v) { return ToToml(v); }, value);
}

// The value in force; a choice in the spelling that was used for it.
Value InForce(const KeyRow& row, std::string_view name, const Config& config) {
  const Origin& origin = config.origin(WithName(row.key, QuotedKey(name)));
  if (row.type == KeyType::kChoice && !origin.written.empty()) return origin.written;
  return row.get(config, name);
}

std::string DefaultText(const KeyRow& row) { return ToToml(row.get(DefaultConfig(), {})); }

// A key or section as a person writes it.
std::string Readable(std::string_view key) { return WithName(key, "\"NAME\""); }

// text in lines of at most kLineWidth, each after prefix.
std::string Wrapped(std::string_view text, std::string_view prefix) {
  std::string lines;
  std::string line(prefix);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() > prefix.size() && line.size() + 1 + word.size() > kLineWidth) {
      lines += line + "\n";
      line = prefix;
    }
    if (line.size() > prefix.size()) line += ' ';
    line += word;
  }
  return lines + line + "\n";
}

std::string LegalValues(const KeyRow& row) { return fmt::format("Legal: {}.", Expected(row)); }

std::string_view LastPart(const KeyRow& row) { return row.key.substr(row.key.rfind('.') + 1); }

// The keys of a section stand together in the table.
std::span<const KeyRow> KeysOf(const SectionRow& section) {
  const auto rows = KeyTable();
  const auto in = [&](const KeyRow& row) { return row.section() == section.name; };
  const auto begin = std::find_if(rows.begin(), rows.end(), in);
  return {begin, std::find_if_not(begin, rows.end(), in)};
}

// Calls section_begin(section) and then key(row) for each of its keys.
template <typename SectionBegin, typename Key>
void ForEachSection(SectionBegin section_begin, Key key) {
  for (const SectionRow& section : SectionTable()) {
    section_begin(section);
    for (const KeyRow& row : KeysOf(section)) key(row);
  }
}

constexpr std::string_view kBackendsDoc =
    "Options for one backend, passed to its plugin as they are: [backends.NAME], with NAME the "
    "name of the plugin. The plugin documents them, and refuses one that it does not know.";

}  // namespace

std::vector<ShowRow> Show(const Config& config) {
  std::vector<ShowRow> rows;
  const auto add = [&](const KeyRow& row, std::string_view name) {
    const Value value = InForce(row, name, config);
    std::string key = WithName(row.key, QuotedKey(name));
    rows.push_back(
        {key, value, ToToml(value), config.origin(key).ToString(), std::string(row.doc)});
  };
  for (const SectionRow& section : SectionTable()) {
    const auto keys = KeysOf(section);
    const bool free = !keys.empty() && keys.front().names != nullptr;
    const auto names = free ? keys.front().names(config) : std::vector<std::string_view>{""};
    for (const std::string_view name : names) {
      for (const KeyRow& row : keys) add(row, name);
    }
  }
  for (const auto& [backend, options] : config.backends) {
    for (const auto& [option, value] : options) {
      const std::string key = fmt::format("{}.{}.{}", kBackendsSection, backend, option);
      rows.push_back({key, value, Quoted(value), config.origin(key).ToString(),
                      fmt::format("An option of the plugin {}.", backend)});
    }
  }
  return rows;
}

std::string ShowText(const Config& config) {
  const std::vector<ShowRow> rows = Show(config);
  size_t width = 0;
  for (const ShowRow& row : rows) width = std::max(width, row.key.size() + row.text.size() + 3);
  width = std::min(width, kLineWidth / 2);
  std::string text;
  for (const ShowRow& row : rows) {
    text += fmt::format("{:<{}}  # {}\n", row.key + " = " + row.text, width, row.source);
  }
  return text;
}

std::string KeysHelp() {
  std::string text;
  ForEachSection(
      [&](const SectionRow& section) {
        const std::string title =
            section.name.empty() ? "Top level" : fmt::format("[{}]", Readable(section.name));
        text += fmt::format("{}{}: {}\n", text.empty() ? "" : "\n", title, section.doc);
      },
      [&](const KeyRow& row) {
        text += fmt::format("  {} = {}\n", Readable(row.key), DefaultText(row));
        text += Wrapped(row.doc, "      ");
        text += Wrapped(LegalValues(row), "      ");
      });
  text += fmt::format("\n[{}.NAME]\n", kBackendsSection);
  return text + Wrapped(kBackendsDoc, "  ");
}

std::string DefaultToml() {
  std::string text =
      "# Every key of a Midstream configuration, at its default. All keys are optional.\n";
  ForEachSection(
      [&](const SectionRow& section) {
        text += '\n';
        text += Wrapped(section.doc, "# ");
        const bool free = section.name.ends_with('*');
        if (free) text += "# ";
        if (!section.name.empty()) text += fmt::format("[{}]\n", Readable(section.name));
      },
      [&](const KeyRow& row) {
        text += '\n';
        text += Wrapped(row.doc, "# ");
        text += Wrapped(LegalValues(row), "# ");
        if (row.names != nullptr) text += "# ";
        text += fmt::format("{} = {}\n", LastPart(row), DefaultText(row));
      });
  text += '\n';
  return text + Wrapped(kBackendsDoc, "# ");
}

std::string ConfigurationMarkdown() {
  std::string text =
      "# Configuration\n\n"
      "A configuration is one TOML file. Every key is optional; `--set section.key=value` on the\n"
      "command line overrides the file. A wrong file is refused as a whole, with every problem "
      "listed.\n"
      "A name with slashes or dots stands in quotes: `--set "
      "'precision.node.\"fc1/MatMul\".dtype=float32'`.\n"
      "`midstream config show FILE` prints the values in force and where each came from,\n"
      "`midstream config check FILE` only looks for problems, and `configs/default.toml` holds "
      "every key.\n\n"
      "This page is made from the key table in `core/config/keys.cc`.\n";
  ForEachSection(
      [&](const SectionRow& section) {
        const std::string title =
            section.name.empty() ? "Top level" : fmt::format("`[{}]`", Readable(section.name));
        text += fmt::format(
            "\n## {}\n\n{}\n\n| key | default | legal values | meaning |\n"
            "|---|---|---|---|\n",
            title, section.doc);
      },
      [&](const KeyRow& row) {
        text += fmt::format("| `{}` | `{}` | {} | {} |\n", LastPart(row), DefaultText(row),
                            Expected(row), row.doc);
      });
  text += fmt::format("\n## `[{}.NAME]`\n\n{}\n", kBackendsSection, kBackendsDoc);
  return text;
}

}  // namespace midstream::config
