// --profile: how long each node took, as a table or JSON, for every command that runs a model.
#ifndef MIDSTREAM_CORE_CLI_PROFILE_TEXT_H_
#define MIDSTREAM_CORE_CLI_PROFILE_TEXT_H_

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace midstream::cli {

// In the order of execution, with a line of sums.
std::string ProfileText(const std::vector<NodeProfile>& profile);
Json ProfileJson(const std::vector<NodeProfile>& profile);

// --profile.
void AddProfile(CLI::App& command, bool* profile);
// On stderr, as PrintStats does.
void PrintProfile(const Session& session, bool json);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_PROFILE_TEXT_H_
