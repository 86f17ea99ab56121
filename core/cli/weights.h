// `midstream weights` and its parts, each in a file of its own.
#ifndef MIDSTREAM_CORE_CLI_WEIGHTS_H_
#define MIDSTREAM_CORE_CLI_WEIGHTS_H_

#include "core/cli/command.h"

namespace midstream::cli {

void AddWeights(CLI::App& app, Action* action);

void AddWeightsExport(CLI::App& weights, Action* action);
void AddWeightsShow(CLI::App& weights, Action* action);
void AddWeightsDiff(CLI::App& weights, Action* action);

// --only GLOB, to choose among the weights by name.
void AddOnly(CLI::App& command, std::vector<std::string>* patterns);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_WEIGHTS_H_
