// Loading one checked plugin file into this process with libltdl.
//
// loader.cc is the only file that sees libltdl. Libraries are opened local (their symbols stay
// theirs) and resident (they are never unloaded); the caller has checked that the file asks for
// immediate binding, which libltdl itself cannot request.
// Threads: any; calls are serialised.
#ifndef MIDSTREAM_CORE_BACKEND_LOADER_H_
#define MIDSTREAM_CORE_BACKEND_LOADER_H_

#include <string>

#include "core/backend/plugin_table.h"
#include "core/base/status.h"

namespace midstream::backend {

// The query function of the library at path. Messages continue a sentence that begins with the
// plugin's path. Errors: FAILED_PRECONDITION with the dynamic linker's reason, NOT_FOUND when the
// symbol is missing.
Result<QueryFunction> OpenPluginLibrary(const std::string& path);

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_LOADER_H_
