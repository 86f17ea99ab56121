// numpy's `.npy` files: one array with a short header.
//
// Read: header versions 1 to 3, C and Fortran order (the tensor is row-major either way), little
// endian, the dtypes that the engine has. The header is checked against the bytes that are there
// before memory is taken. Objects, strings, records and big-endian numbers are refused.
//
// Written: version 1, C order, as numpy itself writes it. numpy has no bfloat16, so such tensors
// are widened to float32.
#ifndef MIDSTREAM_CORE_FORMATS_NPY_NPY_H_
#define MIDSTREAM_CORE_FORMATS_NPY_NPY_H_

#include <string>

#include "core/base/export.h"
#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::formats {

// Errors: NOT_FOUND; DATA_LOSS for a malformed file or one of the wrong length; UNIMPLEMENTED for a
// dtype that the engine does not have; RESOURCE_EXHAUSTED.
MS_API Result<Tensor> ReadNpy(const std::string& path);

// Errors: INVALID_ARGUMENT for strings; what the system says about the path.
MS_API Status WriteNpy(const std::string& path, const Tensor& tensor);

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_NPY_NPY_H_
