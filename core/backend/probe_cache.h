// Remembers on disk which plugin files passed their probe, for plugins.probe = "cached".
//
// A record holds for exactly one state of the plugin and of the probe: path, file, size and time of
// change. It lives in $XDG_CACHE_HOME/midstream, or ~/.cache/midstream. Where there is no such
// folder, or it cannot be written, nothing is remembered and every probe runs.
// Threads: any; also safe between processes.
#ifndef MIDSTREAM_CORE_BACKEND_PROBE_CACHE_H_
#define MIDSTREAM_CORE_BACKEND_PROBE_CACHE_H_

#include <string>

namespace midstream::backend {

// $XDG_CACHE_HOME/midstream, or ~/.cache/midstream; "" where there is neither.
std::string UserCacheFolder();

bool PassedProbeBefore(const std::string& plugin, const std::string& helper);
void RememberPassedProbe(const std::string& plugin, const std::string& helper);

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_PROBE_CACHE_H_
