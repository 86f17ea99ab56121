// Room in the system's loader for many Python interpreters in this process.
//
// Each interpreter of the backend `python` with isolation "shared" is a linker namespace. glibc
// decides when a program starts how many of them there may be and how much thread-local storage their
// libraries may take: by default enough for some eleven interpreters with numpy, or five with torch.
// A plugin comes too late to ask for more, so the command starts itself again with GLIBC_TUNABLES set.
// Source: glibc's manual, "Dynamic Linking Tunables".
#ifndef MIDSTREAM_CORE_CLI_LOADER_RESERVE_H_
#define MIDSTREAM_CORE_CLI_LOADER_RESERVE_H_

#include <optional>
#include <string>

#include "core/config/config.h"

namespace midstream::cli {

// What GLIBC_TUNABLES has to be for this configuration, when it is `current` (null: not set).
// Nothing: it may stay, as no interpreter will share the process or the user has set it.
std::optional<std::string> LoaderTunables(const Config& config, const char* current);

// Starts this program again with the same arguments if LoaderTunables asks for it. Returns when there
// is nothing to do, or when it cannot: the backend then uses worker processes where it must.
// Requires: nothing has been read from standard input yet.
void ReserveForInterpreters(const Config& config);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_LOADER_RESERVE_H_
