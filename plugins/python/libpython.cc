#include "plugins/python/libpython.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <vector>

#include "midstream/view.hpp"
#include "plugins/python/child.h"

namespace midstream::python {

namespace {

// One line for each of what Probe reads. Isolated and without site: quick, and nothing of the user
// runs.
constexpr const char* kScript = R"(
import sys, sysconfig
v = sysconfig.get_config_var
for x in (sys.implementation.name, '%d.%d.%d' % sys.version_info[:3], v('Py_GIL_DISABLED') or 0,
          v('Py_ENABLE_SHARED') or 0, v('LIBDIR') or '', v('INSTSONAME') or '', v('MULTIARCH') or '',
          sys.base_prefix, sys.executable):
    print(x)
)";
constexpr size_t kLines = 9;
constexpr auto kProbeTimeout = std::chrono::seconds(20);

sdk::Error Unavailable(const std::string& what) { return {MS_UNAVAILABLE, "python: " + what}; }

bool IsExecutable(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

bool Exists(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

std::string OnPath(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::stringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.starts_with('/')) continue;
    folder.append("/").append(name);
    if (IsExecutable(folder)) return folder;
  }
  return "";
}

std::string FindProgram(const std::string& wanted) {
  if (wanted.starts_with('/')) {
    if (IsExecutable(wanted)) return wanted;
    if (IsExecutable(wanted + "/bin/python3")) return wanted + "/bin/python3";
    throw Unavailable("option python is '" + wanted + "', which is no program, and " + wanted +
                      "/bin/python3 neither");
  }
  const std::string name = wanted.empty() ? "python3" : "python" + wanted;
  // The distribution's first: what stands on PATH changes with the shell the engine is started from.
  std::string system = "/usr/bin/" + name;
  if (wanted.empty() && IsExecutable(system)) return system;
  std::string found = OnPath(name);
  if (found.empty() && IsExecutable(system)) found = system;
  if (found.empty()) throw Unavailable("there is no " + name + " on PATH nor in /usr/bin");
  return found;
}

std::string FindLibrary(const std::string& program, const std::vector<std::string>& lines) {
  const bool shared = lines[3] != "0";
  const std::string &folder = lines[4], &name = lines[5], &arch = lines[6], &home = lines[7];
  if (!shared || name.find(".so") == std::string::npos) {
    throw Unavailable(program +
                      " was built without a shared library; it takes one built with "
                      "--enable-shared, or the distribution's with its libpython package");
  }
  const std::filesystem::path given(folder), lib(std::filesystem::path(home) / "lib");
  for (const auto& path : {given / name, given / arch / name, lib / arch / name, lib / name}) {
    if (Exists(path)) return path;
  }
  throw Unavailable(program + " has the library " + name + ", expected as " + folder + "/" + name +
                    ", which is missing: on Debian it is in the package libpython" +
                    lines[1].substr(0, lines[1].rfind('.')));
}

bool IsAtLeast310(const std::string& version) {
  unsigned major = 0, minor = 0;
  return std::sscanf(version.c_str(), "%u.%u", &major, &minor) == 2 && major == 3 && minor >= 10;
}

Python Probe(const std::string& program) {
  const ChildOutput output = RunChild({program, "-I", "-S", "-c", kScript}, kProbeTimeout);
  if (!output.problem.empty()) throw Unavailable(program + " " + output.problem);
  std::vector<std::string> lines;
  std::stringstream text(output.text);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  if (lines.size() != kLines) throw Unavailable(program + " is no Python: it gave no version");
  if (lines[0] != "cpython") throw Unavailable(program + " is " + lines[0] + "; it takes CPython");
  if (!IsAtLeast310(lines[1]))
    throw Unavailable(program + " is Python " + lines[1] + "; it takes 3.10 or later");
  if (lines[2] != "0") {
    throw Unavailable(program +
                      " is a free-threaded build, whose interface is another one; it "
                      "takes the usual build of " +
                      lines[1]);
  }
  return {lines[8].empty() ? program : lines[8], lines[1], FindLibrary(program, lines), lines[7]};
}

}  // namespace

std::string Python::minor() const { return version.substr(0, version.rfind('.')); }

Python FindPython(const std::string& wanted) {
  static std::mutex mutex;
  static std::map<std::string, Python> known;  // by program
  const std::string program = FindProgram(wanted);
  std::lock_guard lock(mutex);
  if (const auto it = known.find(program); it != known.end()) return it->second;
  return known[program] = Probe(program);
}

std::string SiteFolder(const std::string& site, const Python& python) {
  if (site.empty()) return "";
  std::string inside = site + "/lib/python" + python.minor() + "/site-packages";
  if (Exists(inside)) return inside;
  if (Exists(site + "/pyvenv.cfg")) {
    throw Unavailable("option site is the environment " + site +
                      ", which has no packages for Python " + python.minor() + ": " + inside +
                      " is missing");
  }
  return site;
}

}  // namespace midstream::python
