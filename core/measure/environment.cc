#include "core/measure/environment.h"

#include <sys/utsname.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
// Made by cmake/Commit.cmake.
#include <midstream_commit.h>

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

std::string Governor() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  std::string governor;
  return std::getline(file, governor) && !governor.empty() ? governor : "unknown";
}

std::string Date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  char text[32];
  if (gmtime_r(&now, &utc) == nullptr) return "unknown";
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc)};
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
  environment.governor = Governor();
  environment.system = System();
  environment.build = MS_BUILD_TYPE;
  environment.commit = MS_COMMIT;
  environment.date = Date();
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
