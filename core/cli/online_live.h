// `midstream online --watch` and `--listen`: requests run all the time while a trainer's versions come.
//
// One row per version, as soon as it is there: its accuracy, computed on exactly that version, what the
// update cost, and how long the requests took that were answered since the row before.
#ifndef MIDSTREAM_CORE_CLI_ONLINE_LIVE_H_
#define MIDSTREAM_CORE_CLI_ONLINE_LIVE_H_

#include <string>

#include "core/cli/online_workflow.h"

namespace midstream::cli {

// Runs until args.updates versions came, or a signal. Requires: workflow is open and args.follow.any().
Outcome OnlineLive(const OnlineArgs& args, OnlineWorkflow& workflow);

// The last part of a path.
std::string FileName(const std::string& path);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_ONLINE_LIVE_H_
