// How an update is checked before it becomes a version.
#ifndef MIDSTREAM_CORE_WEIGHTS_UPDATE_OPTIONS_H_
#define MIDSTREAM_CORE_WEIGHTS_UPDATE_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/rename.h"

namespace midstream {

// Which names an update must hold. The model's weights are those that its outputs or a session need.
enum class CheckMode {
  kSubset,    // any of the model's weights; the others keep the value of the version below
  kExact,     // all of them and nothing else
  kSuperset,  // all of them; names that the model does not have are left alone
};

struct UpdateOptions {
  CheckMode check = CheckMode::kSubset;
  // The version that the update was computed from: it must still be current when the new one is
  // committed, so that of two writers with one base the second is refused.
  std::optional<uint64_t> base;
  bool finite = false;          // refuse NaN and infinity
  bool accept_float64 = false;  // convert float64 values; float32, float16 and bfloat16 always are
  std::vector<RenameRule> rename;
  // Hexadecimal digest that the values must have, by docs/weights.md, under the model's names and
  // as they were given; empty: not checked.
  std::string digest;
};

// Sets one option from text, as command lines and the C API have it: check = subset | exact |
// superset, base = VERSION, finite and accept_float64 = true | false, rename = FROM=TO (adds a rule),
// digest = HEX. Errors: INVALID_ARGUMENT naming the option and what was expected.
MS_API Status SetUpdateOption(std::string_view key, std::string_view value, UpdateOptions* options);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_WEIGHTS_UPDATE_OPTIONS_H_
