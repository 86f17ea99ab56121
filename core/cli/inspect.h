// What `midstream inspect` shows of a model compiled for a configuration.
#ifndef MIDSTREAM_CORE_CLI_INSPECT_H_
#define MIDSTREAM_CORE_CLI_INSPECT_H_

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace midstream::cli {

// Compiles the model for the configuration and prints in which dtypes it computes. outputs: empty
// for the model's own.
Outcome InspectPrecision(const ConfigArgs& config, const std::string& path,
                         const std::vector<std::string>& outputs, bool json);

// The same, and prints which backend runs which node and why.
Outcome InspectPlacement(const ConfigArgs& config, const std::string& path,
                         const std::vector<std::string>& outputs, bool json);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_INSPECT_H_
