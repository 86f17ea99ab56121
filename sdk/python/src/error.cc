#include "sdk/python/src/error.h"

#include <algorithm>
#include <cstring>

namespace midstream::python {
namespace {

PyObject* g_factory = nullptr;  // owned; guarded by the GIL

}  // namespace

PyObject* MakeException(const midstream_error& error) {
  if (g_factory == nullptr) {
    return InPython([&] { return PyObject_CallFunction(PyExc_RuntimeError, "s", error.message); });
  }
  // Messages are cut where they do not fit, perhaps within a letter.
  const Ref message =
      Ref::Steal(PyUnicode_DecodeUTF8(error.message, std::strlen(error.message), "replace"));
  if (!message) return nullptr;
  return InPython([&] {
    return PyObject_CallFunction(g_factory, "iO", static_cast<int>(error.code), message.get());
  });
}

PyObject* Raise(const midstream_error& error) {
  const Ref exception = Ref::Steal(MakeException(error));
  if (exception) {
    const Ref type = Ref::Steal(PyObject_Type(exception.get()));
    PyErr_SetObject(type.get(), exception.get());
  }
  return nullptr;
}

PyObject* RaiseError(midstream_code code, const std::string& message) {
  midstream_error error;
  error.code = code;
  const size_t size = std::min(message.size(), sizeof(error.message) - 1);
  std::memcpy(error.message, message.data(), size);
  error.message[size] = '\0';
  return Raise(error);
}

PyObject* SetErrorFactory(PyObject* /*module*/, PyObject* make) {
  PyObject* before = std::exchange(g_factory, make);
  Py_INCREF(make);
  Py_XDECREF(before);
  Py_RETURN_NONE;
}

}  // namespace midstream::python
