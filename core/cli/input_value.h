// Values for inputs as the command line gives them: a file, a member of an archive, or random.
#ifndef MIDSTREAM_CORE_CLI_INPUT_VALUE_H_
#define MIDSTREAM_CORE_CLI_INPUT_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/graph/named_tensor.h"

namespace midstream::cli {

// For --help.
inline constexpr std::string_view kValueHelp = "x.npy, x.npz:key or random:2x3x4";

// "NAME=SPEC" of --input.
struct InputArg {
  std::string name;
  std::string spec;  // empty when only the name was given
};
// Errors: INVALID_ARGUMENT when there is no name, or an "=" with nothing behind it.
Result<InputArg> ParseInputArg(std::string_view text);

// The tensor that the spec of an input stands for: "x.npy", "x.npz:key", "random:2x3x4",
// "random:scalar". A random one has the dtype of the input. Errors: INVALID_ARGUMENT naming the
// spec; those of reading, naming the file.
Result<Tensor> ReadValue(const TensorSpec& input, const std::string& spec, uint64_t seed);

// Floats uniform in [0, 1); integers and booleans 0 or 1, so that they are valid indices of nearly
// anything. The same seed gives the same values on every machine. Errors: INVALID_ARGUMENT for a
// dtype without a fixed size.
Result<Tensor> RandomTensor(DType dtype, const Shape& shape, uint64_t seed);

// The same in the input's own shape, with `batch` as the first dimension where that is free. Errors:
// INVALID_ARGUMENT where the shape leaves more open.
Result<Tensor> RandomBatch(const TensorSpec& input, int64_t batch, uint64_t seed);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_INPUT_VALUE_H_
