// Tensors for people and for JSON.
#ifndef MIDSTREAM_CORE_CLI_TENSOR_TEXT_H_
#define MIDSTREAM_CORE_CLI_TENSOR_TEXT_H_

#include <string>

#include "core/cli/command.h"
#include "core/graph/tensor.h"

namespace midstream::cli {

// "-0.12 3 7.5 ...": the first `limit` elements.
std::string FirstValuesText(const Tensor& tensor, int64_t limit);
// The same as a JSON array of numbers or booleans; null for what is no finite number.
Json FirstValuesJson(const Tensor& tensor, int64_t limit);
// [2, null, 3]: null for a dimension that is not known; null for an unknown rank.
Json ShapeJson(const Shape& shape);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_TENSOR_TEXT_H_
