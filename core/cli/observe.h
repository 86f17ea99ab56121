// Observing a command's work: --trace and --stats, for every command that runs a model.
#ifndef MIDSTREAM_CORE_CLI_OBSERVE_H_
#define MIDSTREAM_CORE_CLI_OBSERVE_H_

#include <functional>
#include <string>

#include "core/cli/command.h"

namespace midstream::cli {

// --trace FILE.
void AddTrace(CLI::App& command, std::string* path);

// Does the work under a trace that ends with it, however it ends, and is written to `path`. Without
// a path, only does the work. The outcome is the work's, unless only the trace fails.
Outcome WithTrace(const std::string& path, const std::function<Outcome()>& work);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_OBSERVE_H_
