// The engine's errors as Python's: midstream/errors.py makes the exception of a code.
#ifndef MIDSTREAM_SDK_PYTHON_SRC_ERROR_H_
#define MIDSTREAM_SDK_PYTHON_SRC_ERROR_H_

#include <string>

#include "midstream/midstream.h"
#include "sdk/python/src/python.h"

namespace midstream::python {

// The exception of `error`, a new reference; null with another exception set when that fails.
PyObject* MakeException(const midstream_error& error);
// Sets it. Returns null, for `return Raise(error);`.
PyObject* Raise(const midstream_error& error);
PyObject* RaiseError(midstream_code code, const std::string& message);

// set_error_factory(make): make(code, message) gives an exception.
PyObject* SetErrorFactory(PyObject* module, PyObject* make);

}  // namespace midstream::python

#endif  // MIDSTREAM_SDK_PYTHON_SRC_ERROR_H_
