// The functions of midstream._engine, one for each of the C API and under its name; what they take and
// give is in midstream/_engine.pyi. Every one that may take long or wait gives up the GIL.
#ifndef MIDSTREAM_SDK_PYTHON_SRC_FUNCTIONS_H_
#define MIDSTREAM_SDK_PYTHON_SRC_FUNCTIONS_H_

#include <string>
#include <vector>

#include "midstream/midstream.h"
#include "sdk/python/src/python.h"

namespace midstream::python {

extern PyMethodDef engine_functions[];   // engine, model and versions
extern PyMethodDef session_functions[];  // sessions and requests
extern PyMethodDef update_functions[];
extern PyMethodDef log_functions[];

// Texts of a sequence as the C API takes them. Borrows from the sequence. False with an exception set.
bool TextsOf(PyObject* sequence, std::vector<const char*>* out);
// Runs call(midstream_error*) -> midstream_code without the GIL. False with an exception set.
template <typename Call>
bool Do(Call call);
// The text of call(buffer, capacity, size*, error*), one of the C API's functions for reports.
template <typename Call>
PyObject* TextOf(Call call);
// (name, dtype, shape or None) of the count tensors that at(index, spec*, error*) tells of.
template <typename At>
PyObject* SpecsOf(size_t count, At at);

// For who calls back from a thread of the engine: false when Python is being shut down, else what
// follows may take the GIL, and LeavePython() comes at the end.
bool EnterPython();
void LeavePython();

}  // namespace midstream::python

#include "sdk/python/src/functions_inl.h"

#endif  // MIDSTREAM_SDK_PYTHON_SRC_FUNCTIONS_H_
