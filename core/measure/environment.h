// Environment: the machine and the build that numbers were taken on, as a block for reports.
#ifndef MIDSTREAM_CORE_MEASURE_ENVIRONMENT_H_
#define MIDSTREAM_CORE_MEASURE_ENVIRONMENT_H_

#include <cstdint>
#include <string>

namespace midstream::measure {

struct Environment {
  std::string cpu;       // "AMD EPYC 9R14"; "unknown" where /proc/cpuinfo has no model name
  uint32_t cores = 0;    // that this process may run on
  std::string governor;  // of the first core's clock: "performance"; "unknown" where none is shown
  std::string system;    // "Linux 6.1.0"
  std::string compiler;
  std::string build;   // "Release"
  std::string commit;  // as `git describe --always --dirty` has it; "unknown" outside a repository
  std::string date;    // UTC, "2026-11-21T18:05:09Z"
  double load_average = 0;  // of the last minute, when this was called
};

Environment DescribeEnvironment();

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_ENVIRONMENT_H_
