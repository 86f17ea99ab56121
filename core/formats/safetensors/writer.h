// Writes .safetensors files, with the bytes that the reference implementation gives the same tensors
// and metadata: the larger dtypes first, then by name, so that every tensor is aligned.
#ifndef MIDSTREAM_CORE_FORMATS_SAFETENSORS_WRITER_H_
#define MIDSTREAM_CORE_FORMATS_SAFETENSORS_WRITER_H_

#include <string>
#include <vector>

#include "core/formats/safetensors/header.h"
#include "core/formats/tensor_file.h"

namespace midstream::safetensors {

// Replaces `path` when all is written and on the disk; `read` is asked for one tensor at a time.
// Errors: INVALID_ARGUMENT for a name that is there twice or is not UTF-8; those of `read`, naming
// the tensor; what the system says about the path.
Status Write(const std::string& path, const std::vector<formats::TensorInfo>& tensors,
             const formats::TensorProvider& read, const Metadata& metadata = {});

}  // namespace midstream::safetensors

#endif  // MIDSTREAM_CORE_FORMATS_SAFETENSORS_WRITER_H_
