// From the name of a plugin in a configuration to a file that may be loaded.
//
// A name means <plugin folder>/<name>.so, an absolute path means itself, and nothing else is ever
// searched: not the working directory, not LD_LIBRARY_PATH. What can be refused without loading the
// file is refused here.
// Threads: any.
#ifndef MIDSTREAM_CORE_BACKEND_PLUGIN_FILE_H_
#define MIDSTREAM_CORE_BACKEND_PLUGIN_FILE_H_

#include <string>
#include <string_view>

#include "core/backend/elf_note.h"
#include "core/base/status.h"

namespace midstream::backend {

struct PluginFile {
  std::string path;  // absolute, as configured
  std::string real;  // the same without links: what identifies the file
  PluginNote note;
};

// The folder of the plugins that belong to this library: midstream/ beside the shared library, or
// the lib folder that goes with the executable. "" when there is none.
std::string DefaultPluginDir();

// configured when it is not empty, else DefaultPluginDir(). Errors: NOT_FOUND.
Result<std::string> PluginDir(const std::string& configured);

// The executable that probes plugins: the one of this library, else the one in dir. Errors:
// FAILED_PRECONDITION when there is none.
Result<std::string> ProbeHelper(const std::string& dir);

// Finds and checks the file of a listed plugin (a name or an absolute path). Every message is one
// sentence that begins with the path. Errors: NOT_FOUND; INVALID_ARGUMENT: not a plugin for this
// machine; PERMISSION_DENIED: others may write to it; FAILED_PRECONDITION: other ABI major or
// sanitizer.
Result<PluginFile> FindPlugin(std::string_view listed, const std::string& dir);

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_PLUGIN_FILE_H_
