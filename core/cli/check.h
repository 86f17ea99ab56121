// midstream check.
#ifndef MIDSTREAM_CORE_CLI_CHECK_H_
#define MIDSTREAM_CORE_CLI_CHECK_H_

#include "core/cli/command.h"

namespace midstream::cli {

void AddCheck(CLI::App& app, Action* action);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_CHECK_H_
