// Inputs of `midstream compare`: given values, or random ones in a range.
#ifndef MIDSTREAM_CORE_CLI_COMPARE_INPUTS_H_
#define MIDSTREAM_CORE_CLI_COMPARE_INPUTS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/cli/input_value.h"

namespace midstream::cli {

struct ValueRange {
  double low = 0;
  double high = 1;
};

// Values of --val-range: "-1,1" for every random input, "x:0,255" for one.
class ValueRanges {
 public:
  // Errors: INVALID_ARGUMENT naming the text.
  static Result<ValueRanges> Parse(const std::vector<std::string>& texts);
  // Nothing when none was given for the input.
  std::optional<ValueRange> Of(std::string_view input) const;
  // Errors: INVALID_ARGUMENT for a name that is none of the inputs.
  Status CheckNames(const std::vector<TensorSpec>& inputs) const;

 private:
  std::optional<ValueRange> all_;
  std::map<std::string, ValueRange, std::less<>> named_;  // without ":0"
};

struct InputPlan {
  std::vector<InputArg> named;
  ValueRanges ranges;
  int64_t batch = 1;
  uint64_t seed = 0;
};

// MakeInputs (input_value.h), with what is random in its range. Errors: as there; those of
// ValueRanges::CheckNames.
Result<std::vector<NamedTensor>> MakeInputsInRanges(const InputPlan& plan,
                                                    const std::vector<TensorSpec>& specs);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_COMPARE_INPUTS_H_
