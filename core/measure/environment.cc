#include "core/measure/environment.h"

#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>

#include "core/base/thread_pool.h"

namespace midstream::measure {
namespace {

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string System() {
  utsname name{};
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release;
}

}  // namespace

Environment DescribeEnvironment() {
  Environment environment;
  environment.cpu = CpuModel();
  environment.cores = AvailableCores();
  environment.system = System();
#if defined(__clang__)
  environment.compiler = "Clang " __clang_version__;
#else
  environment.compiler = "GCC " __VERSION__;
#endif
  double load = 0;
  if (getloadavg(&load, 1) == 1) environment.load_average = load;
  return environment;
}

}  // namespace midstream::measure
