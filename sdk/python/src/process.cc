#include "sdk/python/src/process.h"

#include <pthread.h>

#include <atomic>

#include "sdk/python/src/error.h"

namespace midstream::python {
namespace {

std::atomic<bool> g_used{false};    // an engine was opened here, or by whom this was forked from
std::atomic<bool> g_forked{false};  // ... and it was the latter

PyObject* IsForkedFunction(PyObject* /*module*/, PyObject* /*args*/) {
  return PyBool_FromLong(IsForked() ? 1 : 0);
}

PyObject* CheckProcessFunction(PyObject* /*module*/, PyObject* /*args*/) {
  return CheckProcess() ? Ref::Borrow(Py_None).release() : nullptr;
}

}  // namespace

bool WatchForks() {
  static const int failed = pthread_atfork(nullptr, nullptr, [] { g_forked = g_used.load(); });
  if (failed != 0) PyErr_NoMemory();
  return failed == 0;
}

bool BeginToUse() {
  if (!CheckProcess()) return false;
  g_used = true;
  return true;
}

bool IsForked() { return g_forked.load(std::memory_order_relaxed); }

bool CheckProcess() {
  if (!IsForked()) return true;
  RaiseError(MIDSTREAM_FAILED_PRECONDITION,
             "this process was forked from one that had opened an engine; engines do not work in "
             "forked processes, and none can be opened here: start the process by the method "
             "\"spawn\" or \"forkserver\" of multiprocessing, or fork before an engine is opened");
  return false;
}

PyMethodDef process_functions[] = {{"is_forked", IsForkedFunction, METH_NOARGS, nullptr},
                                   {"check_process", CheckProcessFunction, METH_NOARGS, nullptr},
                                   {nullptr, nullptr, 0, nullptr}};

}  // namespace midstream::python
