// The templates of functions.h.
#ifndef MIDSTREAM_SDK_PYTHON_SRC_FUNCTIONS_INL_H_
#define MIDSTREAM_SDK_PYTHON_SRC_FUNCTIONS_INL_H_

#include "sdk/python/src/error.h"

namespace midstream::python {

template <typename Call>
bool Do(Call call) {
  midstream_error error;
  midstream_code code = MIDSTREAM_OK;
  {
    const WithoutGil unlocked;
    code = call(&error);
  }
  if (code != MIDSTREAM_OK) Raise(error);
  return code == MIDSTREAM_OK;
}

template <typename Call>
PyObject* TextOf(Call call) {
  std::vector<char> buffer(4096);
  for (;;) {
    midstream_error error;
    size_t size = 0;
    midstream_code code = MIDSTREAM_OK;
    {
      const WithoutGil unlocked;
      code = call(buffer.data(), buffer.size(), &size, &error);
    }
    if (code == MIDSTREAM_OK) {
      return PyUnicode_FromStringAndSize(buffer.data(), static_cast<Py_ssize_t>(size) - 1);
    }
    if (code != MIDSTREAM_RESOURCE_EXHAUSTED || size <= buffer.size()) return Raise(error);
    buffer.resize(size + size / 4);  // it may grow meanwhile
  }
}

template <typename At>
PyObject* SpecsOf(size_t count, At at) {
  Ref specs = Ref::Steal(PyList_New(0));
  for (size_t i = 0; specs && i < count; ++i) {
    midstream_spec spec;
    midstream_error error;
    if (at(i, &spec, &error) != MIDSTREAM_OK) return Raise(error);
    Ref shape = Ref::Borrow(Py_None);
    if (spec.rank >= 0) {
      shape = Ref::Steal(PyTuple_New(spec.rank));
      for (int32_t axis = 0; shape && axis < spec.rank; ++axis) {
        PyObject* dim = PyLong_FromLongLong(spec.shape[axis]);
        if (dim == nullptr || PyTuple_SetItem(shape.get(), axis, dim) != 0) return nullptr;
      }
      if (!shape) return nullptr;
    }
    const Ref one = Ref::Steal(Py_BuildValue("siO", spec.name, spec.dtype, shape.get()));
    if (!one || PyList_Append(specs.get(), one.get()) != 0) return nullptr;
  }
  return specs.release();
}

}  // namespace midstream::python

#endif  // MIDSTREAM_SDK_PYTHON_SRC_FUNCTIONS_INL_H_
