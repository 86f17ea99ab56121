// Reader: TOML text and overrides onto a Config, by the rows of the key table.
//
// It never stops at the first mistake: what is right is set, what is wrong becomes a Problem. Any
// bytes are safe input. reader.cc is the only file that sees toml++.
// Threads: one thread per Reader.
#ifndef MIDSTREAM_CORE_CONFIG_READER_H_
#define MIDSTREAM_CORE_CONFIG_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.h"

namespace midstream::config {

// Both append to problems and may throw std::bad_alloc.
void ReadText(std::string_view text, const std::string& name, Config& config,
              std::vector<Problem>& problems);
void ReadOverride(const Override& override, Config& config, std::vector<Problem>& problems);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_READER_H_
