// Show: what the key table says, for people: the values in force, the help text, the default file
// and the page of the documentation.
// Threads: any.
#ifndef MIDSTREAM_CORE_CONFIG_SHOW_H_
#define MIDSTREAM_CORE_CONFIG_SHOW_H_

#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/config/keys.h"

namespace midstream::config {

struct ShowRow {
  std::string key;
  Value value;
  std::string text;    // value as TOML
  std::string source;  // Origin::ToString
  std::string doc;
};

// Every key in the order of the table, then every option of a backend.
std::vector<ShowRow> Show(const Config& config);

// Show as aligned lines: key = value  # source.
std::string ShowText(const Config& config);

// Every key with its legal values, its default and its documentation, for a terminal.
std::string KeysHelp();

// A file with every key at its default and its documentation as comments: configs/default.toml.
std::string DefaultToml();

// docs/configuration.md.
std::string ConfigurationMarkdown();

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_SHOW_H_
