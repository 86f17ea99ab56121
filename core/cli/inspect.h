// What `midstream inspect` shows of a model compiled for a configuration.
#ifndef MIDSTREAM_CORE_CLI_INSPECT_H_
#define MIDSTREAM_CORE_CLI_INSPECT_H_

#include "core/cli/command.h"
#include "core/engine/engine.h"

namespace midstream::cli {

// In which dtypes it computes, and why.
void PrintPrecision(const PrecisionReport& report, bool json);
// Which backend runs which node, why, and what crosses between memories.
void PrintPlacement(const PlacementReport& report, bool json);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_INSPECT_H_
