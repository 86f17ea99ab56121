// Types of operators as TensorFlow and the NPU name them, and as the graph here does (ONNX).
// Threads: any.
#ifndef MIDSTREAM_CORE_CONFIG_NPU_OP_NAMES_H_
#define MIDSTREAM_CORE_CONFIG_NPU_OP_NAMES_H_

#include <string_view>

namespace midstream::config {

// The ONNX name, or "" for a type that has no single counterpart.
std::string_view OnnxName(std::string_view type);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NPU_OP_NAMES_H_
