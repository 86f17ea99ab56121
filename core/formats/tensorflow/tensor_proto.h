// TensorProto: the constants of a graph, and the values in a checkpoint of format V1.
//
// The rules: raw bytes win; else the typed list; fewer values than elements repeat the last one; no
// value at all means zeros. So a few bytes may stand for a large tensor, and its size is limited.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TENSOR_PROTO_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TENSOR_PROTO_H_

#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::tensorflow {

// Errors: DATA_LOSS when malformed or when the values do not fit the shape; UNIMPLEMENTED for a
// type that the engine does not have; RESOURCE_EXHAUSTED for a repeated value of more than 256 MiB.
Result<Tensor> DecodeTensor(std::string_view bytes);

// The values of a tensor whose dtype and shape are known from elsewhere, each of them given.
// Errors: DATA_LOSS when malformed or when there are more or fewer values.
Result<Tensor> DecodeTensorValues(std::string_view bytes, DType dtype, const Shape& shape);

// The elements of a string tensor as the file lists them. Errors: DATA_LOSS.
Result<std::vector<std::string_view>> DecodeStringTensor(std::string_view bytes);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TENSOR_PROTO_H_
