#include "sdk/python/src/tensor.h"

#include "sdk/python/src/error.h"
#include "sdk/python/src/handle.h"
#include "sdk/python/src/value.h"

namespace midstream::python {
namespace {

struct TensorObject {
  PyObject_HEAD PyObject* result;  // the capsule, owned
  midstream_tensor tensor;
  Py_ssize_t* dims;  // shape and then strides, owned
};

PyObject* g_type = nullptr;  // owned

TensorObject* Cast(PyObject* self) { return reinterpret_cast<TensorObject*>(self); }

void Dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyMem_Free(Cast(self)->dims);
  Py_XDECREF(Cast(self)->result);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

// A result's memory is nobody else's, so it may be written to.
int GetBuffer(PyObject* self, Py_buffer* view, int flags) {
  const TensorObject& object = *Cast(self);
  static char nothing;
  Py_INCREF(self);
  view->obj = self;
  view->buf = object.tensor.data == nullptr ? &nothing : const_cast<void*>(object.tensor.data);
  view->len = static_cast<Py_ssize_t>(object.tensor.byte_size);
  view->readonly = 0;
  view->itemsize = SizeOf(object.tensor.dtype);
  view->format =
      (flags & PyBUF_FORMAT) != 0 ? const_cast<char*>(FormatOf(object.tensor.dtype)) : nullptr;
  view->ndim = static_cast<int>(object.tensor.rank);
  view->shape = (flags & PyBUF_ND) != 0 ? object.dims : nullptr;
  view->strides =
      (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? object.dims + object.tensor.rank : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  return 0;
}

PyObject* NewTensor(PyObject* result, const midstream_tensor& tensor) {
  auto* type = reinterpret_cast<PyTypeObject*>(g_type);
  auto alloc = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
  Ref made = Ref::Steal(alloc(type, 0));
  if (!made) return nullptr;
  TensorObject& object = *Cast(made.get());
  object.dims = static_cast<Py_ssize_t*>(PyMem_Malloc((2 * tensor.rank + 1) * sizeof(Py_ssize_t)));
  if (object.dims == nullptr) return PyErr_NoMemory();
  object.result = Ref::Borrow(result).release();
  object.tensor = tensor;
  Py_ssize_t stride = SizeOf(tensor.dtype);
  for (uint32_t axis = tensor.rank; axis-- > 0;) {
    object.dims[axis] = static_cast<Py_ssize_t>(tensor.shape[axis]);
    object.dims[tensor.rank + axis] = stride;
    stride *= object.dims[axis];
  }
  return made.release();
}

}  // namespace

bool InitTensorType() {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(Dealloc)},
                         {Py_bf_getbuffer, reinterpret_cast<void*>(GetBuffer)},
                         {0, nullptr}};
  PyType_Spec spec = {"midstream._engine.Tensor", sizeof(TensorObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  g_type = PyType_FromSpec(&spec);
  return g_type != nullptr;
}

PyObject* ResultOf(midstream_result* result) {
  const Ref handle = Ref::Steal(WrapHandle(result));
  if (!handle) return nullptr;
  const Ref tensors = Ref::Steal(PyList_New(0));
  if (!tensors) return nullptr;
  for (size_t i = 0; i < midstream_result_count(result); ++i) {
    midstream_tensor tensor;
    midstream_error error;
    if (midstream_result_tensor(result, i, &tensor, &error) != MIDSTREAM_OK) return Raise(error);
    const Ref made = Ref::Steal(NewTensor(handle.get(), tensor));
    if (!made || PyList_Append(tensors.get(), made.get()) != 0) return nullptr;
  }
  return Py_BuildValue("KO", static_cast<unsigned long long>(midstream_result_version(result)),
                       tensors.get());
}

}  // namespace midstream::python
