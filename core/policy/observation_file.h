// Observations in files: .npz archives, as numpy.savez writes what a robot sends.
#ifndef MIDSTREAM_CORE_POLICY_OBSERVATION_FILE_H_
#define MIDSTREAM_CORE_POLICY_OBSERVATION_FILE_H_

#include <string>

#include "core/base/status.h"
#include "core/policy/observation.h"

namespace midstream::policy {

// Members are the observation's arrays by their keys; "prompt", where it is there, holds a str.
// Errors: those of reading, naming the file and the member.
Result<Observation> ReadObservation(const std::string& path);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_OBSERVATION_FILE_H_
