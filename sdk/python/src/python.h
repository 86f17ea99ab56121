// Python's limited API (3.11) with what C++ wants of it: owned references and the lock.
//
// The extension uses nothing newer, so one build serves CPython 3.11 and later. No exception of C++
// leaves a function that Python calls: out of memory is the only one, and Guarded() turns it into
// Python's MemoryError.
//
// Threads that are in Python when it ends: CPython before 3.14 lets a thread that asks for the lock
// then end by pthread_exit, which unwinds its stack. The destructors here need the lock, and some
// frames let nothing through, so whatever takes the lock or runs Python code goes through
// InPython(), where such a thread stays, as CPython 3.14 has it by itself.
#ifndef MIDSTREAM_SDK_PYTHON_SRC_PYTHON_H_
#define MIDSTREAM_SDK_PYTHON_SRC_PYTHON_H_

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <unistd.h>

#include <new>
#include <utility>

namespace midstream::python {

// What call() gives, or nothing ever: Python ended, and so does the process.
template <typename Call>
auto InPython(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (...) {  // the unwinding of pthread_exit; Python itself throws nothing
    for (;;) pause();
  }
}

// An owned reference, or none. Requires: the GIL, also where it is destroyed.
class Ref {
 public:
  Ref() = default;
  static Ref Steal(PyObject* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  static Ref Borrow(PyObject* object) {
    Py_XINCREF(object);
    return Steal(object);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) InPython([this] { Py_DECREF(object_); });
  }

  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

// Around calls that may take long, wait, or call back.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() {
    InPython([this] { PyEval_RestoreThread(state_); });
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

// On threads of the engine.
class WithGil {
 public:
  WithGil() : state_(InPython(PyGILState_Ensure)) {}
  ~WithGil() {
    InPython([this] { PyGILState_Release(state_); });
  }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;

 private:
  PyGILState_STATE state_;
};

// callable(arguments...), a new reference.
template <typename... Arguments>
PyObject* CallPython(PyObject* callable, Arguments... arguments) {
  return InPython([&] { return PyObject_CallFunctionObjArgs(callable, arguments..., nullptr); });
}

template <typename Body>
PyObject* Guarded(Body body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

}  // namespace midstream::python

#endif  // MIDSTREAM_SDK_PYTHON_SRC_PYTHON_H_
