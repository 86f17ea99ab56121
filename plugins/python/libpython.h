// Finding the Python that the configuration names, and the library of its interpreter.
#ifndef MIDSTREAM_PLUGINS_PYTHON_LIBPYTHON_H_
#define MIDSTREAM_PLUGINS_PYTHON_LIBPYTHON_H_

#include <string>

namespace midstream::python {

struct Python {
  std::string executable;  // sys.executable
  std::string version;     // "3.11.2"
  std::string library;     // absolute path of its libpython
  std::string home;        // sys.base_prefix

  std::string minor() const;  // "3.11"
};

// wanted: as the option `python`. The program is run once in a child process, and what it says is
// kept for the life of this process. Throws Error(MS_UNAVAILABLE) saying what is missing.
// Threads: any.
Python FindPython(const std::string& wanted);

// The folder of packages that the option `site` means: itself, or the one of an environment.
std::string SiteFolder(const std::string& site, const Python& python);

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_LIBPYTHON_H_
