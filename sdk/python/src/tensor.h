// A tensor of a result as an object with the buffer protocol, over the engine's memory. It keeps the
// result, so arrays over it outlive session and engine.
#ifndef MIDSTREAM_SDK_PYTHON_SRC_TENSOR_H_
#define MIDSTREAM_SDK_PYTHON_SRC_TENSOR_H_

#include "midstream/midstream.h"
#include "sdk/python/src/python.h"

namespace midstream::python {

// Makes the type. False with an exception set.
bool InitTensorType();
// Takes `result`, and gives (version, [tensors in the order of the outputs]); null with an exception
// set.
PyObject* ResultOf(midstream_result* result);

}  // namespace midstream::python

#endif  // MIDSTREAM_SDK_PYTHON_SRC_TENSOR_H_
