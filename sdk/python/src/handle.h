// Handles of the C API as capsules: the last reference releases the handle, without the GIL, as a
// session waits for requests whose callbacks want it. In a forked process they are never released,
// as that would wait for threads that are not there.
#ifndef MIDSTREAM_SDK_PYTHON_SRC_HANDLE_H_
#define MIDSTREAM_SDK_PYTHON_SRC_HANDLE_H_

#include "midstream/midstream.h"
#include "sdk/python/src/process.h"
#include "sdk/python/src/python.h"

namespace midstream::python {

template <typename T>
struct HandleKind;

#define MS_PYTHON_HANDLE(type)                                                            \
  template <>                                                                             \
  struct HandleKind<midstream_##type> {                                                   \
    static constexpr const char* kName = "midstream." #type;                              \
    static void Release(midstream_##type* handle) { midstream_##type##_release(handle); } \
  }
MS_PYTHON_HANDLE(engine);
MS_PYTHON_HANDLE(model);
MS_PYTHON_HANDLE(session);
MS_PYTHON_HANDLE(request);
MS_PYTHON_HANDLE(result);
MS_PYTHON_HANDLE(pin);
#undef MS_PYTHON_HANDLE

template <typename T>
PyObject* WrapHandle(T* handle) {
  PyObject* capsule = PyCapsule_New(handle, HandleKind<T>::kName, [](PyObject* dying) {
    if (IsForked()) return;
    auto* held = static_cast<T*>(PyCapsule_GetPointer(dying, HandleKind<T>::kName));
    const WithoutGil unlocked;
    HandleKind<T>::Release(held);
  });
  if (capsule == nullptr) HandleKind<T>::Release(handle);
  return capsule;
}

// Borrowed from the capsule. Null with an exception set for any other object, and in a forked process.
template <typename T>
T* UnwrapHandle(PyObject* capsule) {
  if (!CheckProcess()) return nullptr;
  return static_cast<T*>(PyCapsule_GetPointer(capsule, HandleKind<T>::kName));
}

}  // namespace midstream::python

#endif  // MIDSTREAM_SDK_PYTHON_SRC_HANDLE_H_
