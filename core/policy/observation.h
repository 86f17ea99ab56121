// Observation: what a robot sends, as named arrays and an instruction.
//
// Maps inside maps are written with '/' between their keys ("images/cam_high"); some robots' keys
// hold a '/' themselves ("observation/state"), which is the same here.
#ifndef MIDSTREAM_CORE_POLICY_OBSERVATION_H_
#define MIDSTREAM_CORE_POLICY_OBSERVATION_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::policy {

struct Observation {
  std::map<std::string, Tensor, std::less<>> arrays;
  std::optional<std::string> prompt;
};

// Errors of the functions below name the key and what was expected of it.

// The array. Errors: INVALID_ARGUMENT listing the arrays that there are.
Result<Tensor> FindArray(const Observation& observation, std::string_view key);

// The numbers of a vector, or a scalar where that is allowed; integers and floats. `size`: how many
// there must be; 0: any. Errors: INVALID_ARGUMENT, also for NaN and infinity.
Result<std::vector<double>> ReadVector(const Observation& observation, std::string_view key,
                                       int64_t size = 0, bool or_scalar = false);

// A scalar that is true or false. Errors: INVALID_ARGUMENT.
Result<bool> ReadFlag(const Observation& observation, std::string_view key);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_OBSERVATION_H_
