#include "core/compare/resident.h"

#include <fstream>
#include <string>

namespace midstream::compare {

Resident ReadResident() {
  Resident resident;
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    uint64_t* to = word == "VmRSS:" ? &resident.now : word == "VmHWM:" ? &resident.peak : nullptr;
    if (to == nullptr) continue;
    uint64_t kibibytes = 0;
    if (file >> kibibytes) *to = kibibytes * 1024;
  }
  return resident;
}

bool ResetPeak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

}  // namespace midstream::compare
