#include "sdk/python/src/value.h"

#include <cstring>

#include "sdk/python/src/error.h"

namespace midstream::python {
namespace {

struct Format {
  midstream_dtype dtype;
  const char* code;
};
constexpr Format kFormats[] = {
    {MIDSTREAM_FLOAT32, "f"},  {MIDSTREAM_FLOAT64, "d"}, {MIDSTREAM_FLOAT16, "e"},
    {MIDSTREAM_BFLOAT16, "H"}, {MIDSTREAM_INT8, "b"},    {MIDSTREAM_INT16, "h"},
    {MIDSTREAM_INT32, "i"},    {MIDSTREAM_INT64, "q"},   {MIDSTREAM_UINT8, "B"},
    {MIDSTREAM_UINT16, "H"},   {MIDSTREAM_UINT32, "I"},  {MIDSTREAM_UINT64, "Q"},
    {MIDSTREAM_BOOL, "?"}};

// 0 for what the engine does not have. Integers go by their size: 'l' has 4 or 8 bytes.
midstream_dtype DTypeOf(const char* format, Py_ssize_t size) {
  if (format == nullptr) return size == 1 ? MIDSTREAM_UINT8 : 0;
  if (*format == '@' || *format == '=' || *format == '<') ++format;
  if (*format == '\0' || format[1] != '\0') return 0;
  if (std::strchr("bhilqn", *format) != nullptr) return static_cast<midstream_dtype>(size * 8);
  if (std::strchr("BHILQN", *format) != nullptr) {
    return static_cast<midstream_dtype>(0x0100 | size * 8);
  }
  for (const Format& known : kFormats) {
    if (*known.code == *format) return known.dtype;
  }
  return 0;
}

// Copies what strides, in elements, describe to where `to` points, and advances it.
void CopyStrided(const char* from, const DLTensor& tensor, int axis, size_t element, char** to) {
  if (axis == tensor.ndim) {
    std::memcpy(*to, from, element);
    *to += element;
    return;
  }
  for (int64_t i = 0; i < tensor.shape[axis]; ++i) {
    const int64_t step = i * tensor.strides[axis] * static_cast<int64_t>(element);
    CopyStrided(from + step, tensor, axis + 1, element, to);
  }
}

bool IsContiguous(const DLTensor& tensor) {
  if (tensor.strides == nullptr) return true;
  int64_t expected = 1;
  for (int axis = tensor.ndim - 1; axis >= 0; --axis) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.shape[axis];
  }
  return true;
}

}  // namespace

const char* FormatOf(midstream_dtype dtype) {
  for (const Format& known : kFormats) {
    if (known.dtype == dtype) return known.code;
  }
  return "B";
}

std::unique_ptr<Value> Value::Of(PyObject* name, PyObject* object, PyObject* convert,
                                 bool as_bits) {
  std::unique_ptr<Value> value(new Value);
  value->name_ = Ref::Borrow(name);
  Py_ssize_t size = 0;
  value->tensor_.name = PyUnicode_AsUTF8AndSize(name, &size);
  if (value->tensor_.name == nullptr) return nullptr;
  if (std::strlen(value->tensor_.name) != static_cast<size_t>(size)) {
    RaiseError(MIDSTREAM_INVALID_ARGUMENT, "the name of a tensor has a NUL in it");
    return nullptr;
  }
  Taken taken = value->Take(object);
  if (taken == Taken::kNo) taken = value->TakeConverted(object, convert);
  if (taken != Taken::kYes) return nullptr;
  if (as_bits && value->tensor_.dtype == MIDSTREAM_UINT16) {
    value->tensor_.dtype = MIDSTREAM_BFLOAT16;
  }
  return value;
}

Value::~Value() {
  InPython([this] {
    if (has_view_) PyBuffer_Release(&view_);
    if (managed_ != nullptr && managed_->deleter != nullptr) managed_->deleter(managed_);
  });
}

Value::Taken Value::Fail(const std::string& reason) const {
  RaiseError(MIDSTREAM_INVALID_ARGUMENT, "tensor '" + std::string(tensor_.name) + "' " + reason);
  return Taken::kError;
}

Value::Taken Value::Take(PyObject* object) {
  if (PyObject_CheckBuffer(object) != 0) return TakeBuffer(object);
  const bool dlpack =
      InPython([object] { return PyObject_HasAttrString(object, "__dlpack__") != 0; });
  return dlpack ? TakeDLPack(object) : Taken::kNo;
}

Value::Taken Value::TakeConverted(PyObject* object, PyObject* convert) {
  if (convert == Py_None) return Fail("is no array");
  Ref made = Ref::Steal(CallPython(convert, name_.get(), object));
  if (!made) return Taken::kError;
  midstream_dtype dtype = 0;
  if (PyTuple_Check(made.get())) {
    PyObject* inner = nullptr;
    if (PyArg_ParseTuple(made.get(), "Oi", &inner, &dtype) == 0) return Taken::kError;
    made = Ref::Borrow(inner);
  }
  const Taken taken = Take(made.get());
  if (taken == Taken::kNo) return Fail("is no array");
  if (taken == Taken::kYes && dtype != 0) tensor_.dtype = dtype;
  return taken;
}

Value::Taken Value::TakeBuffer(PyObject* object) {
  if (InPython([&] { return PyObject_GetBuffer(object, &view_, PyBUF_FULL_RO); }) != 0) {
    // numpy: a dtype of others
    PyErr_Clear();
    return Taken::kNo;
  }
  has_view_ = true;
  tensor_.dtype = DTypeOf(view_.format, view_.itemsize);
  if (tensor_.dtype == 0) {
    return Fail("has elements of the format '" + std::string(view_.format) +
                "', which the engine does not have");
  }
  shape_.assign(view_.shape, view_.shape + (view_.shape == nullptr ? 0 : view_.ndim));
  tensor_.data = view_.buf;
  tensor_.byte_size = static_cast<uint64_t>(view_.len);
  tensor_.rank = static_cast<uint32_t>(shape_.size());
  tensor_.shape = shape_.data();
  if (PyBuffer_IsContiguous(&view_, 'C') == 0) {
    copy_.reset(new char[static_cast<size_t>(view_.len)]);
    if (PyBuffer_ToContiguous(copy_.get(), &view_, view_.len, 'C') != 0) return Taken::kError;
    tensor_.data = copy_.get();
  }
  return Taken::kYes;
}

Value::Taken Value::TakeDLPack(PyObject* object) {
  const auto call = [object](const char* method) {
    return Ref::Steal(
        InPython([object, method] { return PyObject_CallMethod(object, method, nullptr); }));
  };
  const Ref device = call("__dlpack_device__");
  int type = 0;
  int number = 0;
  if (!device || PyArg_ParseTuple(device.get(), "ii", &type, &number) == 0) return Taken::kError;
  if (type != kDLCPU) {
    return Fail("is on a device (DLPack type " + std::to_string(type) +
                "); give one in host memory");
  }
  const Ref capsule = call("__dlpack__");
  if (!capsule) {  // such as torch: it records gradients
    PyErr_Clear();
    return Taken::kNo;
  }
  managed_ = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.get(), "dltensor"));
  if (managed_ == nullptr || PyCapsule_SetName(capsule.get(), "used_dltensor") != 0) {
    managed_ = nullptr;
    return Taken::kError;
  }
  const DLTensor& tensor = managed_->dl_tensor;
  if (tensor.dtype.lanes != 1) return Fail("has vectors as elements");
  tensor_.dtype = tensor.dtype.code << 8 | tensor.dtype.bits;
  shape_.assign(tensor.shape, tensor.shape + tensor.ndim);
  const auto element = static_cast<size_t>(SizeOf(tensor_.dtype));
  uint64_t bytes = element;
  for (const int64_t dim : shape_) bytes *= static_cast<uint64_t>(dim);
  const char* data = static_cast<const char*>(tensor.data) + tensor.byte_offset;
  if (bytes > 0 && !IsContiguous(tensor)) {
    copy_.reset(new char[bytes]);
    char* to = copy_.get();
    CopyStrided(data, tensor, 0, element, &to);
    data = copy_.get();
  }
  tensor_.data = bytes == 0 ? nullptr : data;
  tensor_.byte_size = bytes;
  tensor_.rank = static_cast<uint32_t>(shape_.size());
  tensor_.shape = shape_.data();
  return Taken::kYes;
}

bool Values::AddAll(PyObject* dict, PyObject* convert, PyObject* bits) {
  PyObject* name = nullptr;
  PyObject* object = nullptr;
  // A copy of the items: conversions run Python code, which might change the dict.
  const Ref items = Ref::Steal(PyDict_Items(dict));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PyList_Size(items.get()); ++i) {
    if (PyArg_ParseTuple(PyList_GetItem(items.get(), i), "UO", &name, &object) == 0) return false;
    const int as_bits = PySet_Contains(bits, name);
    if (as_bits < 0) return false;
    std::unique_ptr<Value> value = Value::Of(name, object, convert, as_bits != 0);
    if (value == nullptr) return false;
    tensors_.push_back(value->tensor());
    values_.push_back(std::move(value));
  }
  return true;
}

}  // namespace midstream::python
