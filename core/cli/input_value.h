// Values for inputs as the command line gives them: a file, a member of an archive, or random.
#ifndef MIDSTREAM_CORE_CLI_INPUT_VALUE_H_
#define MIDSTREAM_CORE_CLI_INPUT_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
// All that a command was given. Errors: that of the first one that has one.
Result<std::vector<InputArg>> ParseInputArgs(const std::vector<std::string>& texts);
// What SessionOptions::inputs takes.
std::vector<std::string> InputNames(const std::vector<InputArg>& args);
// The spec for this input of a session; empty: none was given.
std::string SpecOf(const std::string& input, const std::vector<InputArg>& args);

// Whether this is "2x3x4" or "scalar".
bool IsShape(std::string_view text);

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

// What to feed to each input of a session: ReadValue of its spec or, without one, RandomBatch; the
// seed of each is one more than that of the one before. Errors: theirs.
Result<std::vector<NamedTensor>> MakeInputs(const std::vector<TensorSpec>& inputs,
                                            const std::vector<InputArg>& args, int64_t batch,
                                            uint64_t seed);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_INPUT_VALUE_H_
