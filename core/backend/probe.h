// Trying a plugin in a child process before it enters ours.
//
// The child, midstream_probe, loads the plugin, checks its table, starts it, opens and closes its
// first device, and shuts it down. A plugin that crashes, exits or hangs does so there; the message
// says where. After the probe a plugin shares our address space all the same: this guards against
// broken plugins, not against hostile ones.
// Threads: any.
#ifndef MIDSTREAM_CORE_BACKEND_PROBE_H_
#define MIDSTREAM_CORE_BACKEND_PROBE_H_

#include <chrono>
#include <string>

#include "core/base/status.h"

namespace midstream::backend {

// The file descriptor on which the child reports, one line each: "stage NAME" before each step, and
// at the end "ok" or "error CODE MESSAGE".
inline constexpr int kProbeReportFd = 3;

// Runs `helper path name`. Messages continue a sentence that begins with the plugin's path. Errors:
// INTERNAL when the child died, DEADLINE_EXCEEDED, FAILED_PRECONDITION when it cannot be started,
// and what the child reports.
Status ProbePlugin(const std::string& helper, const std::string& path, const std::string& name,
                   std::chrono::milliseconds timeout);

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_PROBE_H_
