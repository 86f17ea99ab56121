// The memory of this process as the system sees it.
#ifndef MIDSTREAM_CORE_COMPARE_RESIDENT_H_
#define MIDSTREAM_CORE_COMPARE_RESIDENT_H_

#include <cstdint>

namespace midstream::compare {

struct Resident {
  uint64_t now = 0;   // bytes of memory that is resident; 0 where the system does not tell
  uint64_t peak = 0;  // the most since the process began, or since ResetPeak
};
Resident ReadResident();

// From now on the peak counts anew. False where the system does not allow it.
bool ResetPeak();

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_RESIDENT_H_
