// Being on time: the steady clock, and waiting for a moment on it to the microsecond.
#ifndef MIDSTREAM_CORE_MEASURE_CLOCK_H_
#define MIDSTREAM_CORE_MEASURE_CLOCK_H_

#include <cstdint>

namespace midstream::measure {

// Nanoseconds of the steady clock.
uint64_t Now();

// Sleeps, and spins for the last tens of microseconds, in which a sleeper could not be woken on
// time. Returns at once when the moment has passed.
void WaitUntil(uint64_t at_ns);

// For threads that WaitUntil: names the thread and lets the system wake it as exactly as it can.
void BeginTimedThread(const char* name);

}  // namespace midstream::measure

#endif  // MIDSTREAM_CORE_MEASURE_CLOCK_H_
