// numpy's `.npz` archives: a zip of `.npy` arrays, member `k.npy` holding the array `k`.
//
// Read through libzip, stored or deflated. Written stored and without times, so equal tensors make
// equal files.
#ifndef MIDSTREAM_CORE_FORMATS_NPY_NPZ_H_
#define MIDSTREAM_CORE_FORMATS_NPY_NPZ_H_

#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::formats {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// All arrays, in the archive's order; members that are no `.npy` files are left out. Errors: as
// ReadNpy, naming the member; DATA_LOSS for a damaged archive.
Result<NamedTensors> ReadNpz(const std::string& path);

// One array. Errors: as ReadNpz; NOT_FOUND listing the arrays that there are.
Result<Tensor> ReadNpzMember(const std::string& path, const std::string& key);

// Replaces `path` when the whole archive is on the disk. Errors: INVALID_ARGUMENT for strings, a name
// that is there twice, or no tensors at all; what the system says about the path.
Status WriteNpz(const std::string& path, const NamedTensors& tensors);

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_NPY_NPZ_H_
