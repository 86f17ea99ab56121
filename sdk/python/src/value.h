// Values that Python hands to the engine, where they lie: the buffer protocol, or DLPack for host
// memory. What is not contiguous is copied.
#ifndef MIDSTREAM_SDK_PYTHON_SRC_VALUE_H_
#define MIDSTREAM_SDK_PYTHON_SRC_VALUE_H_

#include <dlpack/dlpack.h>

#include <memory>
#include <string>
#include <vector>

#include "midstream/midstream.h"
#include "sdk/python/src/python.h"

namespace midstream::python {

// One tensor; keeps the memory it refers to. Requires: the GIL, but for tensor().
class Value {
 public:
  // `convert` (None: there is nothing to do) makes of what has neither a buffer nor DLPack something
  // that has: convert(name, object) gives an object, or a pair of one and the dtype that its bits
  // mean. as_bits: elements of uint16 are the bits of bfloat16, which is what numpy has of those. Null
  // with an exception set that names the tensor.
  static std::unique_ptr<Value> Of(PyObject* name, PyObject* object, PyObject* convert,
                                   bool as_bits);
  ~Value();
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  const midstream_tensor& tensor() const { return tensor_; }

 private:
  enum class Taken { kYes, kNo, kError };

  Value() = default;
  Taken Take(PyObject* object);
  Taken TakeBuffer(PyObject* object);
  Taken TakeDLPack(PyObject* object);
  Taken TakeConverted(PyObject* object, PyObject* convert);
  Taken Fail(const std::string& reason) const;

  Ref name_;
  midstream_tensor tensor_{};
  std::vector<int64_t> shape_;
  Py_buffer view_{};
  bool has_view_ = false;
  DLManagedTensor* managed_ = nullptr;
  std::unique_ptr<char[]> copy_;
};

// Several, as the C API takes them.
class Values {
 public:
  // Of a dict from names to objects. bits: a set of the names where Of gets as_bits. False with an
  // exception set.
  bool AddAll(PyObject* dict, PyObject* convert, PyObject* bits);
  const midstream_tensor* data() const { return tensors_.data(); }
  size_t size() const { return tensors_.size(); }

 private:
  std::vector<std::unique_ptr<Value>> values_;
  std::vector<midstream_tensor> tensors_;
};

// The code of the buffer protocol for a dtype; that of uint16 for bfloat16, which has none.
const char* FormatOf(midstream_dtype dtype);
inline Py_ssize_t SizeOf(midstream_dtype dtype) { return (dtype & 0xff) / 8; }

}  // namespace midstream::python

#endif  // MIDSTREAM_SDK_PYTHON_SRC_VALUE_H_
