// The two ways to make interpreters; see launcher.h.
#ifndef MIDSTREAM_PLUGINS_PYTHON_LAUNCHERS_H_
#define MIDSTREAM_PLUGINS_PYTHON_LAUNCHERS_H_

#include <chrono>
#include <string>

#include "plugins/python/launcher.h"
#include "plugins/python/libpython.h"

namespace midstream::python {

struct LaunchOptions {
  Python python;
  std::string folder;  // of the shim and of the worker program
  std::string site;
  std::string preload;
  uint32_t threads = 1;
  std::chrono::milliseconds start_timeout{120000};  // of a zygote
};

// Interpreters in linker namespaces of this process; they live as long as it does.
LauncherFactory SharedLauncher(LaunchOptions options);
// Worker processes, forked from a helper that has imported what they share.
LauncherFactory ProcessLauncher(LaunchOptions options);

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_LAUNCHERS_H_
