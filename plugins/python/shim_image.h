// The shim of this plugin with the library that it needs named: one build serves every libpython.
//
// libmidstream_python_shim.so is linked to a library whose name is a placeholder as long as a path
// may be here. The copy made of it has the path of a libpython instead, which the dynamic loader
// opens as it is; it is opened as /proc/self/fd/N.
#ifndef MIDSTREAM_PLUGINS_PYTHON_SHIM_IMAGE_H_
#define MIDSTREAM_PLUGINS_PYTHON_SHIM_IMAGE_H_

#include <string>

#include "plugins/python/fd.h"

namespace midstream::python {

// The folder of this plugin's file, where the shim and the worker program lie too.
std::string PluginFolder();

// A memory file with the shim at `shim`, which needs `libpython`. Throws Error(MS_UNAVAILABLE).
Fd MakeShimImage(const std::string& shim, const std::string& libpython);

// In the bytes of a library, the name of the needed library that begins with the placeholder becomes
// `libpython`. Empty, or what is wrong.
std::string NameLibpython(std::string& image, const std::string& libpython);

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_SHIM_IMAGE_H_
