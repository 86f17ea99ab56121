// The files of a folder as entries of a package, for `midstream package create`.
#ifndef MIDSTREAM_CORE_CLI_PACKAGE_FOLDER_H_
#define MIDSTREAM_CORE_CLI_PACKAGE_FOLDER_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::cli {

using Files = std::map<std::string, std::string>;  // entry -> bytes

// Adds all files below `folder` but hidden ones and what Python caches, as entries below `prefix`.
// Links to files inside the folder are followed. Errors: those of reading; INVALID_ARGUMENT for a
// compiled extension, for a link that leads out of the folder and for one to a folder, naming it.
Status AddFolder(const std::string& folder, std::string_view prefix, Files* files);

// Takes out top-level modules that plain Python never takes from a file, as it has them built in,
// frozen, or imported before any code of the user; in a package they would go before Python's own.
// The module of `entry`, "module:name", stays. Returns the entries that were taken out.
std::vector<std::string> TakeOutCoreModules(std::string_view entry, Files* files);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_PACKAGE_FOLDER_H_
