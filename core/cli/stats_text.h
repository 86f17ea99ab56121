// --stats: what a model's weights and a session have been through, as text and as JSON.
#ifndef MIDSTREAM_CORE_CLI_STATS_TEXT_H_
#define MIDSTREAM_CORE_CLI_STATS_TEXT_H_

#include <string>

#include "core/cli/command.h"

namespace midstream::cli {

std::string StatsText(const ModelStats& stats);
std::string StatsText(const SessionStats& stats);
Json StatsJson(const ModelStats& stats);
Json StatsJson(const SessionStats& stats);

// --stats.
void AddStats(CLI::App& command, bool* stats);

// Prints both to stderr, where everything goes that is no result: as text, or as one JSON document.
void PrintStats(const Model& model, const Session& session, bool json);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_STATS_TEXT_H_
