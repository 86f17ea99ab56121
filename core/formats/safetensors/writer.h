// Writes .safetensors files, with the bytes that the reference implementation gives the same tensors
// and metadata: the larger dtypes first, then by name, so that every tensor is aligned.
#ifndef MIDSTREAM_CORE_FORMATS_SAFETENSORS_WRITER_H_
#define MIDSTREAM_CORE_FORMATS_SAFETENSORS_WRITER_H_

#include <functional>
#include <string>
#include <vector>

#include "core/formats/safetensors/header.h"
#include "core/formats/tensor_file.h"

namespace midstream::safetensors {

// Where the bytes go, in their order.
using Append = std::function<Status(const void* data, size_t size)>;

// Gives the file to `append`; `read` is asked for one tensor at a time. Errors: INVALID_ARGUMENT for a
// name that is there twice or is not UTF-8; those of `read`, naming the tensor; those of `append`.
Status WriteTo(const Append& append, const std::vector<formats::TensorInfo>& tensors,
               const formats::TensorProvider& read, const Metadata& metadata = {});

// Replaces `path` when all is written and on the disk. Errors: as WriteTo, naming the path; what the
// system says about the path.
Status Write(const std::string& path, const std::vector<formats::TensorInfo>& tensors,
             const formats::TensorProvider& read, const Metadata& metadata = {});

}  // namespace midstream::safetensors

#endif  // MIDSTREAM_CORE_FORMATS_SAFETENSORS_WRITER_H_
