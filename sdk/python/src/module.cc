// midstream._engine: the C API for Python, over midstream/midstream.h alone. The classes that people
// use are written in Python, beside the package's __init__.py.
#include "sdk/python/src/error.h"
#include "sdk/python/src/functions.h"
#include "sdk/python/src/process.h"
#include "sdk/python/src/tensor.h"

namespace midstream::python {
namespace {

PyMethodDef general_functions[] = {{"set_error_factory", SetErrorFactory, METH_O, nullptr},
                                   {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "midstream._engine",
                          "The C API of Midstream; use the classes of midstream.",
                          -1,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

PyObject* Init() {
  Ref module = Ref::Steal(PyModule_Create(&definition));
  if (!module || !InitTensorType() || !WatchForks()) return nullptr;
  for (PyMethodDef* functions : {general_functions, engine_functions, session_functions,
                                 update_functions, log_functions, process_functions}) {
    if (PyModule_AddFunctions(module.get(), functions) != 0) return nullptr;
  }
  if (PyModule_AddStringConstant(module.get(), "version", midstream_version()) != 0) {
    return nullptr;
  }
  return module.release();
}

}  // namespace
}  // namespace midstream::python

PyMODINIT_FUNC PyInit__engine() { return midstream::python::Init(); }
