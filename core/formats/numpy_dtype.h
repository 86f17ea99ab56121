// numpy's letters for dtypes, which .npy files and Zarr arrays have behind the character of the byte
// order: "f4" of "<f4".
// Threads: constants.
#ifndef MIDSTREAM_CORE_FORMATS_NUMPY_DTYPE_H_
#define MIDSTREAM_CORE_FORMATS_NUMPY_DTYPE_H_

#include <optional>
#include <string_view>

#include "core/graph/dtype.h"

namespace midstream::formats {

std::optional<DType> FromNumpyLetters(std::string_view letters);

// Empty for a dtype that numpy does not have.
std::string_view NumpyLetters(DType dtype);

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_NUMPY_DTYPE_H_
