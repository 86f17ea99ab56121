#include "core/config/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace midstream::config {
namespace {

constexpr size_t kLineWidth = 100;

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string ToToml(const Value& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* text = std::get_if<std::string>(&value)) return Quoted(*text);
  std::string array = "[";
  for (const std::string& item : std::get<std::vector<std::string>>(value)) {
    if (array.size() > 1) array += ", ";
    array += Quoted(item);
  }
  return array + "]";
}

// The value in force; a choice in the spelling that was used for it.
Value InForce(const KeyRow& row, const Config& config) {
  const Origin& origin = config.origin(row.key);
  if (row.type == KeyType::kChoice && !origin.written.empty()) return origin.written;
  return row.get(config);
}

std::string DefaultText(const KeyRow& row) { return ToToml(row.get(DefaultConfig())); }

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

// Calls section_begin(section) and then key(row) for each of its keys.
template <typename SectionBegin, typename Key>
void ForEachSection(SectionBegin section_begin, Key key) {
  for (const SectionRow& section : SectionTable()) {
    section_begin(section);
    for (const KeyRow& row : KeyTable()) {
      if (row.section() == section.name) key(row);
    }
  }
}

constexpr std::string_view kBackendsDoc =
    "Options for one backend, passed to its plugin as they are: [backends.NAME], with NAME the "
    "name of the plugin. The plugin documents them, and refuses one that it does not know.";

}  // namespace

std::vector<ShowRow> Show(const Config& config) {
  std::vector<ShowRow> rows;
  for (const KeyRow& row : KeyTable()) {
    const Value value = InForce(row, config);
    rows.push_back({std::string(row.key), value, ToToml(value), config.origin(row.key).ToString(),
                    std::string(row.doc)});
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
            section.name.empty() ? "Top level" : fmt::format("[{}]", section.name);
        text += fmt::format("{}{}: {}\n", text.empty() ? "" : "\n", title, section.doc);
      },
      [&](const KeyRow& row) {
        text += fmt::format("  {} = {}\n", row.key, DefaultText(row));
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
        if (!section.name.empty()) text += fmt::format("[{}]\n", section.name);
      },
      [&](const KeyRow& row) {
        text += '\n';
        text += Wrapped(row.doc, "# ");
        text += Wrapped(LegalValues(row), "# ");
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
      "`midstream config show FILE` prints the values in force and where each came from,\n"
      "`midstream config check FILE` only looks for problems, and `configs/default.toml` holds "
      "every key.\n\n"
      "This page is made from the key table in `core/config/keys.cc`.\n";
  ForEachSection(
      [&](const SectionRow& section) {
        const std::string title =
            section.name.empty() ? "Top level" : fmt::format("`[{}]`", section.name);
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
