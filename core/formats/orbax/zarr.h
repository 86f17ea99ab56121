// What a `.zarray` says of an array of Zarr's second version: dtype, shape, and how its chunks lie.
//
// Threads: pure functions.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_ZARR_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_ZARR_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::orbax {

struct ArrayLayout {
  DType dtype = DType::kInvalid;
  bool big_endian = false;
  Shape shape;
  std::vector<int64_t> chunk;  // the shape of each chunk; those at the edge are stored whole, too
  bool column_major = false;   // the order of elements in a chunk
  bool compressed = false;     // with zstd
  std::string fill;            // an element as the engine has it, where a chunk is missing
  char separator = '.';        // in the keys of chunks
};

// Errors: DATA_LOSS; UNIMPLEMENTED for what Zarr has and the engine does not: both say which field.
Result<ArrayLayout> ParseArrayLayout(std::string_view json);

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_ZARR_H_
