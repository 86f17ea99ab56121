// Tensors as callers know them: by name.
#ifndef MIDSTREAM_CORE_GRAPH_NAMED_TENSOR_H_
#define MIDSTREAM_CORE_GRAPH_NAMED_TENSOR_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/graph/tensor.h"

namespace midstream {

struct TensorSpec {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape;  // -1: any size
};

struct NamedTensor {
  std::string name;
  Tensor value;
};

struct RunResult {
  std::vector<NamedTensor> outputs;  // named as asked for, in that order
  uint64_t version = 0;              // the weights that made them
};

// "conv1/Variable:0" and "conv1/Variable" are one name: TensorFlow's first output needs no port.
inline std::string_view WithoutPort(std::string_view name) {
  return name.ends_with(":0") ? name.substr(0, name.size() - 2) : name;
}

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_NAMED_TENSOR_H_
